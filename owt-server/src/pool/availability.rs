//! Whether calls wait for a worker that is not there: not if none can be started.

use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, sleep_until};

use super::{Shared, WorkerEvent};

/// After so many starts that failed in a row, calls no longer wait for the next one.
pub(super) const MAX_FAILED_STARTS: u32 = 3;

/// How long calls wait for a worker, whatever the reason is that there is none.
pub(super) const MAX_ABSENCE: Duration = Duration::from_secs(30);

/// How often it is looked whether a worker that is being replaced still takes calls.
const LOOK: Duration = Duration::from_secs(1);

impl Shared {
    /// Fails the calls that wait for a worker which cannot be started, and those that come until
    /// there is one. Where an older worker still takes calls, nothing happens.
    pub(super) fn unavailable(&self, worker: usize, reason: &str) {
        let reason = Arc::from(reason);
        if self.slots[worker].absence.explain(&reason) {
            self.tell(|| WorkerEvent::Unavailable { worker, reason: reason.clone() });
        }
    }

    /// Has calls wait no longer where there has been no worker for so long. Never comes to an end.
    pub(super) async fn limit_absence(&self, worker: usize, limit: Duration) -> Infallible {
        let absence = &self.slots[worker].absence;
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::Recycling;

    #[tokio::test]
    async fn calls_do_not_wait_for_ever_for_a_worker_whose_start_takes_too_long() {
        let (shared, mut listeners) = Shared::new(1, 1, Recycling::default());
        let mut events = listeners.remove(0);
        shared.slots[0].end();
        let telling = shared.limit_absence(0, Duration::from_millis(20));
        let told = tokio::select! {
            never = telling => match never {},
            event = events.recv() => event,
        };
        let Some(WorkerEvent::Unavailable { worker: 0, reason }) = told else { panic!("not told") };
        assert_eq!(&*reason, "none was ready within 20ms");
        assert_eq!(shared.health().reason, Some(reason));
    }
}
