//! Passwords that were right a short time ago, by their fingerprints: Argon2id takes long by design, and
//! clients send the same password with every request.

use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use clru::CLruCache;
use parking_lot::Mutex;

use super::known::Fingerprint;

const MAX_REMEMBERED: NonZeroUsize = NonZeroUsize::new(1024).expect("it is not zero");

/// How long a password is taken for right without being checked anew.
const REMEMBERED_FOR: Duration = Duration::from_secs(600);

#[derive(Debug)]
pub(super) struct Remembered(Mutex<CLruCache<Fingerprint, Instant>>);

impl Remembered {
    pub(super) fn new() -> Self {
        Self(Mutex::new(CLruCache::new(MAX_REMEMBERED)))
    }

    pub(super) fn has(&self, fingerprint: &Fingerprint) -> bool {
        self.0.lock().get(fingerprint).is_some_and(|since| since.elapsed() < REMEMBERED_FOR)
    }

    pub(super) fn insert(&self, fingerprint: Fingerprint) {
        self.0.lock().put(fingerprint, Instant::now());
    }
}
