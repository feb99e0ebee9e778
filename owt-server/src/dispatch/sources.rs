//! Source that this server has been sent, by its digest.

use std::sync::Arc;

use lru::LruCache;
use owt_core::{Code, Digest};
use parking_lot::Mutex;

/// How many bytes of source are kept; what was used least recently goes first.
const LIMIT: usize = 64 << 20;

pub(super) struct Sources(Mutex<Kept>);

struct Kept {
    by_digest: LruCache<Digest, Arc<str>>,
    bytes: usize,
    limit: usize,
}

impl Default for Sources {
    fn default() -> Self {
        Self::with_limit(LIMIT)
    }
}

impl Sources {
    fn with_limit(limit: usize) -> Self {
        Self(Mutex::new(Kept { by_digest: LruCache::unbounded(), bytes: 0, limit }))
    }

    pub(super) fn get(&self, digest: Digest) -> Option<Arc<str>> {
        self.0.lock().by_digest.get(&digest).cloned()
    }

    /// Keeps the source of a call, if it came with it.
    pub(super) fn remember(&self, code: &Code) {
        if let Code::Source(source) = code {
            self.insert(source.digest(), source.text());
        }
    }

    fn insert(&self, digest: Digest, source: &Arc<str>) {
        let mut kept = self.0.lock();
        let kept = &mut *kept;
        if source.len() > kept.limit || kept.by_digest.get(&digest).is_some() {
            return;
        }
        kept.by_digest.put(digest, source.clone());
        kept.bytes += source.len();
        while kept.bytes > kept.limit {
            let Some((_, oldest)) = kept.by_digest.pop_lru() else {
                return;
            };
            kept.bytes -= oldest.len();
        }
    }

    /// Forgets a source; whether it was there.
    pub(super) fn remove(&self, digest: Digest) -> bool {
        let mut kept = self.0.lock();
        let removed = kept.by_digest.pop(&digest);
        kept.bytes -= removed.as_ref().map_or(0, |source| source.len());
        removed.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn insert(sources: &Sources, text: &str) -> Digest {
        let digest = Digest::of(text);
        sources.insert(digest, &Arc::from(text));
        digest
    }

    #[test]
    fn the_source_that_was_used_least_recently_goes_first() {
        let sources = Sources::with_limit(6);
        let (one, two) = (insert(&sources, "aaa"), insert(&sources, "bbb"));
        assert_eq!(sources.get(one).as_deref(), Some("aaa"));
        let three = insert(&sources, "ccc");
        let kept = [one, two, three].map(|digest| sources.get(digest).is_some());
        assert_eq!(kept, [true, false, true]);
    }

    #[test]
    fn a_source_that_is_too_large_to_keep_pushes_nothing_else_out() {
        let sources = Sources::with_limit(6);
        let small = insert(&sources, "small");
        let large = insert(&sources, "a text of more than six bytes");
        assert_eq!(sources.get(large), None);
        assert_eq!(sources.get(small).as_deref(), Some("small"));
    }

    #[test]
    fn what_is_removed_is_gone() {
        let sources = Sources::default();
        let digest = insert(&sources, "x");
        assert!(sources.remove(digest));
        assert!(!sources.remove(digest));
        assert_eq!(sources.get(digest), None);
    }
}
