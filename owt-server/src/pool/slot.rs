//! A slot for one worker, which several processes have in turn.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::outage::Outage;
use super::usage::Usage;

#[derive(Default)]
pub(super) struct Slot {
    is_up: AtomicBool,
    /// Calls sent to all processes of this slot.
    calls: AtomicU64,
    /// The value of `calls` at which the current process is replaced.
    max_calls: AtomicU64,
    has_max_calls: Notify,
    /// The id of the current process, and when it became ready.
    current: Mutex<Option<(u32, Instant)>>,
    pub(super) outage: Outage,
    pub(super) usage: Usage,
}

impl Slot {
    pub(super) fn is_up(&self) -> bool {
        self.is_up.load(Ordering::Relaxed)
    }

    pub(super) fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    pub(super) fn count_call(&self) {
        let before = self.calls.fetch_add(1, Ordering::Relaxed);
        if before + 1 == self.max_calls.load(Ordering::Relaxed) {
            self.has_max_calls.notify_one();
        }
    }

    /// Waits until the current process has been sent its maximum of calls.
    pub(super) async fn reached_max_calls(&self) {
        // Ignore notifications meant for a previous process.
        while self.calls.load(Ordering::Relaxed) < self.max_calls.load(Ordering::Relaxed) {
            self.has_max_calls.notified().await;
        }
    }

    /// Records that a process is ready.
    pub(super) fn set_up(&self, pid: u32, max_calls: Option<u64>) {
        let calls = self.calls.load(Ordering::Relaxed);
        let max_calls = max_calls.map_or(u64::MAX, |more| calls.saturating_add(more));
        self.max_calls.store(max_calls, Ordering::Relaxed);
        *self.current.lock() = Some((pid, Instant::now()));
        self.outage.end();
        self.usage.clear();
        self.is_up.store(true, Ordering::Relaxed);
    }

    /// Records that the process takes no more calls.
    pub(super) fn set_down(&self) {
        self.is_up.store(false, Ordering::Relaxed);
        *self.current.lock() = None;
        self.outage.begin();
    }

    /// The id of the current process, and when it became ready.
    pub(super) fn current(&self) -> Option<(u32, Instant)> {
        *self.current.lock()
    }
}
