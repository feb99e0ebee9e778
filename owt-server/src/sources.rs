//! Source that this server has been sent, by its digest.

use std::num::NonZeroUsize;
use std::sync::Arc;

use clru::{CLruCache, CLruCacheConfig, WeightScale};
use owt_core::{Code, Digest, Error};
use parking_lot::Mutex;

/// How many bytes of source are kept; what was used least recently is evicted first.
const LIMIT: NonZeroUsize = NonZeroUsize::new(64 << 20).unwrap();

pub(crate) struct Sources(Mutex<CLruCache<Digest, Arc<str>, foldhash::fast::RandomState, Bytes>>);

/// Weighs a source in bytes. `CLruCache` adds one for each.
struct Bytes;

impl WeightScale<Digest, Arc<str>> for Bytes {
    fn weight(&self, _digest: &Digest, source: &Arc<str>) -> usize {
        source.len().saturating_sub(1)
    }
}

impl Default for Sources {
    fn default() -> Self {
        Self::with_limit(LIMIT)
    }
}

impl Sources {
    fn with_limit(limit: NonZeroUsize) -> Self {
        let config = CLruCacheConfig::new(limit).with_hasher(Default::default());
        Self(Mutex::new(CLruCache::with_config(config.with_scale(Bytes))))
    }

    pub(crate) fn get(&self, digest: Digest) -> Option<Arc<str>> {
        self.0.lock().get(&digest).cloned()
    }

    /// Keeps the source of a call, if it came with it.
    pub(crate) fn remember(&self, code: &Code) {
        if let Code::Source(source) = code {
            self.insert(source.digest(), source.text());
        }
    }

    /// The source of a call, which is kept if it came with it.
    ///
    /// # Errors
    /// [`Error::CodeUnknown`] if this server does not have it.
    pub(crate) fn of(&self, code: &Code) -> Result<Arc<str>, Error> {
        self.remember(code);
        match code {
            Code::Source(source) => Ok(source.text().clone()),
            Code::Known(digest) => self.get(*digest).ok_or(Error::CodeUnknown(*digest)),
        }
    }

    fn insert(&self, digest: Digest, source: &Arc<str>) {
        let mut sources = self.0.lock();
        if sources.get(&digest).is_none() {
            // One that is larger than the limit is not kept, and evicts nothing.
            let _ = sources.put_with_weight(digest, source.clone());
        }
    }

    /// Forgets a source; whether it was there.
    pub(crate) fn remove(&self, digest: Digest) -> bool {
        self.0.lock().pop(&digest).is_some()
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
        let sources = Sources::with_limit(NonZeroUsize::new(6).unwrap());
        let (one, two) = (insert(&sources, "aaa"), insert(&sources, "bbb"));
        assert_eq!(sources.get(one).as_deref(), Some("aaa"));
        let three = insert(&sources, "ccc");
        let kept = [one, two, three].map(|digest| sources.get(digest).is_some());
        assert_eq!(kept, [true, false, true]);
    }

    #[test]
    fn a_source_that_is_too_large_to_keep_pushes_nothing_else_out() {
        let sources = Sources::with_limit(NonZeroUsize::new(6).unwrap());
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
