//! What the monitor thread is woken for. It sleeps while there is nothing to do.

use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::{Condvar, Mutex};

#[derive(Default)]
pub(super) struct Monitor {
    is_asleep: Mutex<bool>,
    woken: Condvar,
    /// Whether frames were left for the monitor to write.
    flush_requested: AtomicBool,
}

impl Monitor {
    /// Sleeps until woken; not at all unless `is_idle`.
    pub(super) fn sleep(&self, is_idle: impl FnOnce() -> bool) {
        let mut is_asleep = self.is_asleep.lock();
        // Whoever wakes it looks at the flag under the same lock, so none is missed.
        *is_asleep = is_idle() && !self.flush_requested.load(Ordering::SeqCst);
        self.woken.wait_while(&mut is_asleep, |is_asleep| *is_asleep);
    }

    pub(super) fn wake(&self) {
        let mut is_asleep = self.is_asleep.lock();
        if std::mem::take(&mut *is_asleep) {
            self.woken.notify_one();
        }
    }

    /// Asks for a flush of all connections within a time slice.
    pub(super) fn request_flush(&self) {
        // Who has asked before wakes it.
        if !self.flush_requested.swap(true, Ordering::SeqCst) {
            self.wake();
        }
    }

    pub(super) fn take_flush_request(&self) -> bool {
        self.flush_requested.swap(false, Ordering::AcqRel)
    }
}
