//! A place that has no worker: since when, and why none can be started.

use std::convert::Infallible;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::time::{sleep, sleep_until};

use super::{Event, Shared};

/// After so many starts that failed in a row, calls no longer wait for the next one.
pub(super) const MAX_FAILED_STARTS: u32 = 3;

/// How long calls wait for a worker, whatever the reason is that there is none.
pub(super) const MAX_ABSENCE: Duration = Duration::from_secs(30);

/// How often it is looked whether a worker that is being replaced still takes calls.
const LOOK: Duration = Duration::from_secs(1);

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
        self.state().since.get_or_insert_with(Instant::now);
    }

    pub(super) fn end(&self) {
        *self.state() = State::default();
    }

    fn since(&self) -> Option<Instant> {
        self.state().since
    }

    fn reason(&self) -> Option<Arc<str>> {
        self.state().reason.clone()
    }

    /// Keeps why there is no worker; whether there is none.
    fn explain(&self, reason: &Arc<str>) -> bool {
        let mut state = self.state();
        if state.since.is_some() {
            state.reason = Some(reason.clone());
        }
        state.since.is_some()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    /// Fails the calls that wait for a worker which cannot be started, and those that come until
    /// there is one. Where an older worker still takes calls, nothing happens.
    pub(super) fn unavailable(&self, worker: usize, reason: &str) {
        let reason = Arc::from(reason);
        if self.workers[worker].absence.explain(&reason) {
            self.tell(|| Event::Unavailable { worker, reason: reason.clone() });
        }
    }

    /// Has calls wait no longer where there has been no worker for so long. Never comes to an end.
    pub(super) async fn limit_absence(&self, worker: usize, limit: Duration) -> Infallible {
        let absence = &self.workers[worker].absence;
        let since = loop {
            match absence.since() {
                Some(since) => break since,
                // The worker that is to be replaced still takes calls.
                None => sleep(LOOK).await,
            }
        };
        sleep_until((since + limit).into()).await;
        if absence.reason().is_none() {
            let words = format!("none was ready within {limit:?}");
            self.unavailable(worker, &words);
        }
        pending().await
    }

    /// Why workers cannot be started, if that is so at any place.
    pub(crate) fn why_unavailable(&self) -> Option<Arc<str>> {
        self.workers.iter().find_map(|worker| worker.absence.reason())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::Recycling;

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

    #[tokio::test]
    async fn calls_do_not_wait_for_ever_for_a_worker_whose_start_takes_too_long() {
        let (shared, ears) = Shared::new(1, 1, 1, Duration::ZERO, Recycling::default());
        let mut events = ears.take().unwrap();
        shared.workers[0].end();
        let telling = shared.limit_absence(0, Duration::from_millis(20));
        let told = tokio::select! {
            never = telling => match never {},
            event = events.recv() => event,
        };
        let Some(Event::Unavailable { worker: 0, reason }) = told else { panic!("not told") };
        assert_eq!(&*reason, "none was ready within 20ms");
        assert_eq!(shared.why_unavailable(), Some(reason));
    }
}
