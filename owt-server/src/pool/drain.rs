//! The end of what runs: no new calls, time for those that run, and an interrupt for what is left.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use owt_core::Error;
use tokio::time::{sleep, timeout};

use super::{Links, Shared};

/// How long calls that were interrupted may take to clean up (`finally`, `with`), when the time for
/// running calls is over.
const LAST_GRACE: Duration = Duration::from_secs(1);

/// How often a server that is stopping looks whether anything still runs.
const LOOK: Duration = Duration::from_millis(10);

/// A request that is under way in one thread of the front.
#[derive(Debug)]
pub(crate) struct UnderWay(Rc<Cell<usize>>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.update(|count| count - 1);
    }
}

impl Shared {
    /// Whether new calls are refused, because the server stops.
    pub(crate) fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::Relaxed)
    }

    /// Takes no more calls, and waits for those that run. What still runs after `grace` is
    /// interrupted; what then does not end is left to be killed with its worker.
    pub(crate) async fn drain(&self, grace: Duration) {
        self.is_draining.store(true, Ordering::Relaxed);
        if timeout(grace, self.until_idle()).await.is_ok() {
            return;
        }
        let interrupted: usize = self.ask_all(interrupt).await.iter().sum();
        tracing::warn!("stopping: interrupts what has not ended in time, calls: {interrupted}");
        let _ = timeout(LAST_GRACE, self.until_idle()).await;
    }

    async fn until_idle(&self) {
        let count = |links: Rc<Links>| async move { links.under_way() };
        while self.ask_all(count).await.iter().sum::<usize>() > 0 {
            sleep(LOOK).await;
        }
    }
}

async fn interrupt(links: Rc<Links>) -> usize {
    links.cancel(|_| true, &Error::Draining)
}

impl Links {
    /// Counts a request as under way for as long as what this gives is kept.
    pub(crate) fn enter(&self) -> UnderWay {
        self.requests.update(|count| count + 1);
        UnderWay(self.requests.clone())
    }

    /// Requests that are not answered, calls that stream, and those that were cancelled and still
    /// clean up. Some count twice.
    fn under_way(&self) -> usize {
        let at_workers: usize = self.lines.all().iter().map(|link| link.under_way()).sum();
        self.requests.get() + at_workers
    }
}
