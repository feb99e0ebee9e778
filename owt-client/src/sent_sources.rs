//! The sources that were sent to a server, which it probably still has.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use owt_core::Digest;

/// How many digests are kept. Beyond that all are dropped, and each source is sent once more.
const LIMIT: usize = 10_000;

#[derive(Debug, Default)]
pub(crate) struct SentSources(Mutex<HashSet<Digest>>);

impl SentSources {
    pub(crate) fn has(&self, digest: Digest) -> bool {
        self.digests().contains(&digest)
    }

    pub(crate) fn insert(&self, digest: Digest) {
        let mut digests = self.digests();
        if digests.len() >= LIMIT {
            digests.clear();
        }
        digests.insert(digest);
    }

    pub(crate) fn forget(&self, digest: Digest) {
        self.digests().remove(&digest);
    }

    fn digests(&self) -> MutexGuard<'_, HashSet<Digest>> {
        // Nothing that holds the lock can panic half way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_is_bounded() {
        let sent = SentSources::default();
        for number in 0..=LIMIT {
            sent.insert(Digest::of(&number.to_string()));
        }
        assert_eq!(sent.digests().len(), 1);
        assert!(sent.has(Digest::of(&LIMIT.to_string())));
    }
}
