//! Counts the calls that are in a pool, so that it ends only when there is none, and lets none in then.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const CLOSED: usize = 1 << (usize::BITS - 1);

#[derive(Debug)]
pub(super) struct Gate {
    calls: AtomicUsize,
    opened: Instant,
    /// When the last call left, in milliseconds after `opened`.
    last_used: AtomicU64,
}

/// A call that is in a pool.
#[derive(Debug)]
pub(super) struct Lease(Arc<Gate>);

impl Gate {
    pub(super) fn open() -> Arc<Self> {
        let (calls, last_used) = Default::default();
        Arc::new(Self { calls, opened: Instant::now(), last_used })
    }

    pub(super) fn is_open(&self) -> bool {
        self.calls.load(Ordering::Acquire) & CLOSED == 0
    }

    /// Lets a call in; `None` once the gate is closed.
    pub(super) fn enter(self: &Arc<Self>) -> Option<Lease> {
        let one_more = |calls| (calls & CLOSED == 0).then_some(calls + 1);
        let entered = self.calls.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more);
        entered.is_ok().then(|| Lease(self.clone()))
    }

    /// Closes the gate, unless a call is in; whether it is closed now.
    pub(super) fn close(&self) -> bool {
        self.calls.compare_exchange(0, CLOSED, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// How long no call has been in.
    pub(super) fn idle(&self) -> Duration {
        match self.calls.load(Ordering::Acquire) {
            0 => {
                let last_used = Duration::from_millis(self.last_used.load(Ordering::Acquire));
                self.opened.elapsed().saturating_sub(last_used)
            }
            _ => Duration::ZERO,
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let now = self.0.opened.elapsed().as_millis().try_into().unwrap_or(u64::MAX);
        self.0.last_used.store(now, Ordering::Release);
        self.0.calls.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_closes_when_nobody_is_in_and_lets_nobody_in_then() {
        let gate = Gate::open();
        let (one, other) = (gate.enter().unwrap(), gate.enter().unwrap());
        drop(one);
        assert!(!gate.close());
        assert_eq!(gate.idle(), Duration::ZERO);
        drop(other);
        assert!(gate.is_open() && gate.close());
        assert!(!gate.is_open() && gate.enter().is_none() && !gate.close());
    }
}
