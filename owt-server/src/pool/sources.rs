//! Source that this server has been sent, by its digest.

use std::sync::{Arc, Mutex, PoisonError};

use lru::LruCache;
use owt_core::Digest;

/// How many bytes of source are kept; what was used least recently goes first.
const LIMIT: usize = 64 << 20;

pub(crate) struct Sources(Mutex<Kept>);

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

    pub(crate) fn get(&self, digest: Digest) -> Option<Arc<str>> {
        self.kept().by_digest.get(&digest).cloned()
    }

    pub(crate) fn insert(&self, digest: Digest, source: &Arc<str>) {
        let mut kept = self.kept();
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
    pub(crate) fn remove(&self, digest: Digest) -> bool {
        let mut kept = self.kept();
        let removed = kept.by_digest.pop(&digest);
        kept.bytes -= removed.as_ref().map_or(0, |source| source.len());
        removed.is_some()
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        // Nothing between two statements on it can panic half way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
