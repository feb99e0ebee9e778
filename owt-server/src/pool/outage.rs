//! The time in which a slot has no worker, and why none can be started.

use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;

/// Empty while the slot has a worker.
#[derive(Debug, Default)]
pub(super) struct Outage(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    since: Option<Instant>,
    reason: Option<Arc<str>>,
}

impl Outage {
    pub(super) fn begin(&self) {
        self.0.lock().since.get_or_insert_with(Instant::now);
    }

    pub(super) fn end(&self) {
        *self.0.lock() = State::default();
    }

    pub(super) fn since(&self) -> Option<Instant> {
        self.0.lock().since
    }

    pub(super) fn reason(&self) -> Option<Arc<str>> {
        self.0.lock().reason.clone()
    }

    /// Records why there is no worker. Returns whether there is an outage.
    pub(super) fn explain(&self, reason: &Arc<str>) -> bool {
        let mut state = self.0.lock();
        if state.since.is_some() {
            state.reason = Some(reason.clone());
        }
        state.since.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_kept_only_while_there_is_no_worker() {
        let (outage, reason) = (Outage::default(), Arc::from("disk full"));
        assert!(!outage.explain(&reason));
        assert_eq!(outage.reason(), None);
        outage.begin();
        assert!(outage.explain(&reason));
        assert_eq!(outage.reason(), Some(reason));
        outage.end();
        assert_eq!((outage.reason(), outage.since()), (None, None));
    }
}
