//! What the threads of the front and the keeper share: the way to ask for the pool of an environment, and
//! to hear of those that come and go.

use std::sync::Arc;

use owt_core::Error;
use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::sync::oneshot;

use super::gate::Gate;
use super::listing::Listing;
use crate::config::Dependencies;
use crate::dispatch::Dispatchers;
use crate::environment::{Base, Key, Spec};

/// The pool of an environment, as the threads of the front see it.
pub(super) struct EnvironmentPool {
    pub(super) key: Key,
    pub(super) gate: Arc<Gate>,
    pub(super) dispatchers: Arc<Dispatchers>,
}

/// What every thread of the front is told.
#[derive(Clone)]
pub(super) enum Change {
    Added(Arc<EnvironmentPool>),
    Ended(Arc<EnvironmentPool>),
}

/// A call waits for the pool of an environment.
pub(super) struct Request {
    pub(super) key: Key,
    pub(super) spec: Arc<Spec>,
    pub(super) answer: oneshot::Sender<Result<Arc<EnvironmentPool>, Error>>,
}

/// What the threads of the front and the keeper share.
pub(crate) struct Environments {
    pub(super) mode: Dependencies,
    pub(super) base: Arc<Base>,
    pub(super) listing: Listing,
    pub(super) requests: UnboundedSender<Request>,
    /// The pools that take calls.
    pub(super) running: Mutex<Vec<Arc<EnvironmentPool>>>,
    /// Of the threads that have not been started.
    pub(super) inboxes: Mutex<Vec<UnboundedReceiver<Change>>>,
}

impl Environments {
    /// The pool of an environment, once it takes calls. Whoever stops waiting stops nothing.
    pub(super) async fn pool(
        &self,
        key: Key,
        spec: Arc<Spec>,
    ) -> Result<Arc<EnvironmentPool>, Error> {
        let (answer, pool) = oneshot::channel();
        self.requests.send(Request { key, spec, answer }).map_err(|_| Error::Draining)?;
        pool.await.map_err(|_| Error::Draining)?
    }

    /// Interrupts all calls in environments, because the server stops; how many there were.
    pub(crate) async fn cancel_all(&self) -> usize {
        let running = self.running.lock().clone();
        let mut cancelled = 0;
        for pool in running {
            cancelled += pool.dispatchers.cancel_all().await;
        }
        cancelled
    }

    pub(super) fn to_json(&self) -> Vec<Value> {
        self.listing.to_json()
    }
}
