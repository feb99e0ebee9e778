//! A place that has no worker: since when, and why none can be started.

use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
/// What is known of a place without a worker; nothing while there is one.
#[derive(Debug, Default)]
pub(super) struct Absence(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    since: Option<Instant>,
    reason: Option<Arc<str>>,
}

impl Absence {
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

    /// Keeps why there is no worker; whether there is none.
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
        let (absence, reason) = (Absence::default(), Arc::from("disk full"));
        assert!(!absence.explain(&reason));
        assert_eq!(absence.reason(), None);
        absence.begin();
        assert!(absence.explain(&reason));
        assert_eq!(absence.reason(), Some(reason));
        absence.end();
        assert_eq!((absence.reason(), absence.since()), (None, None));
    }
}
