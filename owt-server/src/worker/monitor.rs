//! When the thread that watches for long calls may sleep: as long as there are no calls.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

use super::link::lock;

#[derive(Default)]
pub(super) struct Monitor {
    is_asleep: Mutex<bool>,
    wake: Condvar,
}

impl Monitor {
    /// Sleeps until a call begins; not at all if one has.
    pub(super) fn sleep(&self, stamp: &AtomicU64) {
        let mut is_asleep = lock(&self.is_asleep);
        // A call that begins after this finds the flag, because it looks under the same lock.
        *is_asleep = stamp.load(Ordering::SeqCst) == 0;
        while *is_asleep {
            is_asleep = self.wake.wait(is_asleep).unwrap_or_else(PoisonError::into_inner);
        }
    }

    pub(super) fn rouse(&self) {
        let mut is_asleep = lock(&self.is_asleep);
        if std::mem::take(&mut *is_asleep) {
            self.wake.notify_one();
        }
    }
}
