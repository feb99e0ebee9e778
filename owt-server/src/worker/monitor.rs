//! When the thread that watches for long calls may sleep: as long as there is nothing to do for it.

use std::sync::{Condvar, Mutex, PoisonError};

use super::link::lock;

#[derive(Default)]
pub(super) struct Monitor {
    is_asleep: Mutex<bool>,
    wake: Condvar,
}

impl Monitor {
    /// Sleeps until it is roused; not at all if there is something to do.
    pub(super) fn sleep(&self, is_idle: impl FnOnce() -> bool) {
        let mut is_asleep = lock(&self.is_asleep);
        // What comes up after this finds the flag, because it looks under the same lock.
        *is_asleep = is_idle();
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
