//! Which thread of a worker leads. Each job that the leader runs begins a time slice; when that has
//! expired, the monitor takes the lead away.

use std::cell::Cell;
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How long the leader may run one job before another thread takes over.
pub(super) const TIME_SLICE: Duration = Duration::from_millis(1);

thread_local! {
    /// The time slice in which this thread runs a job as the leader; 0: none.
    static OWN_SLICE: Cell<u64> = const { Cell::new(0) };
}

/// A time slice, named by when it began.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Slice(NonZeroU64);

pub(super) struct Leadership {
    /// When the leader began its job, in nanoseconds since `epoch`; 0: it runs none.
    slice: AtomicU64,
    epoch: Instant,
}

impl Leadership {
    pub(super) fn new() -> Self {
        Self { slice: AtomicU64::new(0), epoch: Instant::now() }
    }

    /// Begins a time slice of this thread, which leads.
    pub(super) fn begin_slice(&self) {
        let now = self.now();
        OWN_SLICE.set(now);
        self.slice.store(now, Ordering::SeqCst);
    }

    /// Ends the time slice of this thread, which may then go on leading, or yield; `false` if it
    /// had none, or was preempted.
    pub(super) fn end_slice(&self) -> bool {
        self.end(OWN_SLICE.replace(0))
    }

    /// Whether this thread leads.
    pub(super) fn is_own(&self) -> bool {
        let own = OWN_SLICE.get();
        own != 0 && self.slice.load(Ordering::Acquire) == own
    }

    /// The time slice of the leader, if it runs a job.
    pub(super) fn slice(&self) -> Option<Slice> {
        NonZeroU64::new(self.slice.load(Ordering::SeqCst)).map(Slice)
    }

    /// Takes the lead away from the thread of this slice, if it has it still and has had it for
    /// longer than `limit`.
    pub(super) fn preempt(&self, slice: Slice, limit: Duration) -> bool {
        let elapsed = Duration::from_nanos(self.now() - slice.0.get());
        elapsed > limit && self.end(slice.0.get())
    }

    /// Of those who end a slice at the same time, one succeeds.
    fn end(&self, slice: u64) -> bool {
        let swap = |to| self.slice.compare_exchange(slice, to, Ordering::AcqRel, Ordering::Acquire);
        slice != 0 && swap(0).is_ok()
    }

    /// Nanoseconds since the epoch, and never 0.
    fn now(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_nanos()).unwrap_or(u64::MAX).max(1)
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn a_leader_leads_until_it_ends_its_slice() {
        let leadership = Leadership::new();
        assert!(!leadership.is_own() && !leadership.end_slice());
        leadership.begin_slice();
        assert!(leadership.is_own() && leadership.slice().is_some());
        assert!(leadership.end_slice() && !leadership.end_slice());
        assert!(!leadership.is_own() && leadership.slice().is_none());
    }

    #[test]
    fn a_leader_is_preempted_once_and_only_after_its_time_slice() {
        let leadership = Leadership::new();
        leadership.begin_slice();
        let slice = leadership.slice().unwrap();
        assert!(!leadership.preempt(slice, Duration::MAX));
        while leadership.now() == slice.0.get() {
            thread::yield_now();
        }
        assert!(leadership.preempt(slice, Duration::ZERO));
        assert!(!leadership.preempt(slice, Duration::ZERO));
        assert!(!leadership.is_own() && !leadership.end_slice());
    }

    #[test]
    fn the_next_leader_is_not_preempted_for_the_slice_of_the_one_before() {
        let leadership = Leadership::new();
        leadership.begin_slice();
        let slice = leadership.slice().unwrap();
        while leadership.now() == slice.0.get() {
            thread::yield_now();
        }
        thread::scope(|scope| {
            scope.spawn(|| {
                leadership.begin_slice();
                assert!(!leadership.preempt(slice, Duration::ZERO));
                assert!(leadership.is_own());
            });
        });
        assert!(!leadership.is_own());
    }
}
