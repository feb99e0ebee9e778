//! A stop: no new calls, time for those that run, and an interrupt for what is left.

use std::time::Duration;

use tokio::time::timeout;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// How long calls that were interrupted may take to clean up (`finally`, `with`), when the time for
/// running calls is over.
const CLEANUP_GRACE: Duration = Duration::from_secs(1);

/// Counts what is in flight, and waits for it once the server stops.
#[derive(Debug, Default)]
pub(crate) struct Drain(TaskTracker);

/// Something that a stop waits for: a request until it is answered, or a call as long as anything of it
/// runs.
pub(super) type InFlight = TaskTrackerToken;

impl Drain {
    pub(super) fn enter(&self) -> InFlight {
        self.0.token()
    }

    /// Whether new calls are refused, because the server stops.
    pub(super) fn is_draining(&self) -> bool {
        self.0.is_closed()
    }

    /// Takes no more calls, and waits for those that run. What still runs after `grace` is
    /// interrupted; what then does not end is left to be killed with its worker.
    pub(crate) async fn drain(&self, grace: Duration, cancel_all: impl AsyncFnOnce() -> usize) {
        self.0.close();
        if timeout(grace, self.0.wait()).await.is_ok() {
            return;
        }
        let cancelled = cancel_all().await;
        tracing::warn!("stopping: interrupts what has not ended in time, calls: {cancelled}");
        let _ = timeout(CLEANUP_GRACE, self.0.wait()).await;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[tokio::test]
    async fn a_stop_waits_for_what_is_in_flight_and_interrupts_nothing() {
        let drain = Drain::default();
        let in_flight = drain.enter();
        let finish = async {
            assert!(drain.is_draining());
            drop(in_flight);
        };
        let stop = drain.drain(Duration::from_secs(60), async || unreachable!());
        tokio::join!(stop, finish);
    }

    #[tokio::test]
    async fn what_does_not_end_in_time_is_interrupted_and_may_clean_up() {
        let drain = Drain::default();
        let in_flight = RefCell::new(Some(drain.enter()));
        let cancel_all = async || in_flight.take().into_iter().count();
        drain.drain(Duration::ZERO, cancel_all).await;
        assert!(in_flight.borrow().is_none());
    }
}
