//! When calls stop waiting for a worker: when none can be started.

use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, sleep_until};

use super::{Shared, WorkerEvent};

/// The number of consecutive failed starts after which calls fail instead of waiting.
pub(super) const MAX_FAILED_STARTS: u32 = 3;

/// How long calls wait for a worker at most.
pub(super) const MAX_OUTAGE: Duration = Duration::from_secs(30);

/// How often it is checked whether a worker that is being replaced still takes calls.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

impl Shared {
    /// Fails calls for this slot, waiting and new ones, until it has a worker again. Does nothing while
    /// an older worker still takes calls.
    pub(super) fn unavailable(&self, worker: usize, reason: &str) {
        let reason = Arc::from(reason);
        if self.slots[worker].outage.explain(&reason) {
            self.notify(|| WorkerEvent::Unavailable { worker, reason: reason.clone() });
        }
    }

    /// Fails calls once an outage has lasted longer than `limit`. Never returns.
    pub(super) async fn limit_outage(&self, worker: usize, limit: Duration) -> Infallible {
        let outage = &self.slots[worker].outage;
        let since = loop {
            match outage.since() {
                Some(since) => break since,
                // The worker that is to be replaced still takes calls.
                None => sleep(POLL_INTERVAL).await,
            }
        };
        sleep_until((since + limit).into()).await;
        if outage.reason().is_none() {
            self.unavailable(worker, &format!("none was ready within {limit:?}"));
        }
        pending().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::{Profile, Recycling};

    #[tokio::test]
    async fn calls_do_not_wait_for_ever_for_a_worker_whose_start_takes_too_long() {
        let (shared, mut listeners) =
            Shared::new(Profile::plain(1, Recycling::default()).into(), 1);
        let mut events = listeners.remove(0);
        shared.slots[0].set_down();
        let limiting = shared.limit_outage(0, Duration::from_millis(20));
        let event = tokio::select! {
            never = limiting => match never {},
            event = events.recv() => event,
        };
        let Some(WorkerEvent::Unavailable { worker: 0, reason }) = event else {
            panic!("no event")
        };
        assert_eq!(&*reason, "none was ready within 20ms");
        assert_eq!(shared.health().reason, Some(reason));
    }
}
