//! One worker's place in the pool: processes come there and go.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use owt_core::stats::WorkerStats;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::absence::Absence;
use super::memory;

#[derive(Default)]
pub(super) struct Slot {
    is_up: AtomicBool,
    /// Calls that were ever sent there.
    calls: AtomicU64,
    /// Up to how many of them the present process may go on.
    max_calls: AtomicU64,
    is_worn: Notify,
    /// The process id of the present process, and since when it is ready.
    present: Mutex<Option<(u32, Instant)>>,
    pub(super) absence: Absence,
}

impl Slot {
    pub(super) fn is_up(&self) -> bool {
        self.is_up.load(Ordering::Relaxed)
    }

    pub(super) fn count_call(&self) {
        let before = self.calls.fetch_add(1, Ordering::Relaxed);
        if before + 1 == self.max_calls.load(Ordering::Relaxed) {
            self.is_worn.notify_one();
        }
    }

    /// Waits until the present process has had as many calls as it may.
    pub(super) async fn worn(&self) {
        // A notification may have been meant for the process before this one.
        while self.calls.load(Ordering::Relaxed) < self.max_calls.load(Ordering::Relaxed) {
            self.is_worn.notified().await;
        }
    }

    /// A process is ready, and may have so many calls.
    pub(super) fn begin(&self, pid: u32, max_calls: Option<u64>) {
        let calls = self.calls.load(Ordering::Relaxed);
        let max_calls = max_calls.map_or(u64::MAX, |more| calls.saturating_add(more));
        self.max_calls.store(max_calls, Ordering::Relaxed);
        *self.present.lock() = Some((pid, Instant::now()));
        self.absence.end();
        self.is_up.store(true, Ordering::Relaxed);
    }

    /// The process takes no more calls.
    pub(super) fn end(&self) {
        self.is_up.store(false, Ordering::Relaxed);
        *self.present.lock() = None;
        self.absence.begin();
    }

    /// Reads the memory of the present process from the system.
    pub(super) fn stats(&self) -> WorkerStats {
        let present = *self.present.lock();
        WorkerStats {
            is_up: self.is_up(),
            calls: 0, // Whoever sends them knows.
            resident: present.and_then(|(pid, _)| memory::resident(pid)),
            age: present.map(|(_, ready)| ready.elapsed()),
        }
    }
}
