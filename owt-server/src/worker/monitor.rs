//! When the thread that watches for long calls may sleep: as long as there is nothing to do for it.

use parking_lot::{Condvar, Mutex};

#[derive(Default)]
pub(super) struct Monitor {
    is_asleep: Mutex<bool>,
    wake: Condvar,
}

impl Monitor {
    /// Sleeps until it is roused; not at all if there is something to do.
    pub(super) fn sleep(&self, is_idle: impl FnOnce() -> bool) {
        let mut is_asleep = self.is_asleep.lock();
        // What comes up after this finds the flag, because it looks under the same lock.
        *is_asleep = is_idle();
        while *is_asleep {
            self.wake.wait(&mut is_asleep);
        }
    }

    pub(super) fn rouse(&self) {
        let mut is_asleep = self.is_asleep.lock();
        if std::mem::take(&mut *is_asleep) {
            self.wake.notify_one();
        }
    }
}
