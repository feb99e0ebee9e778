//! What the threads of the front and the keeper share: the way to ask for the pool of an environment, and
//! to hear of those that come and go.

use std::sync::Arc;

use owt_core::Error;
use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

use super::gate::{Gate, Lease};
use super::listing::Listing;
use crate::config::Dependencies;
use crate::dispatch::Dispatchers;
use crate::environment::{Base, Key, Spec};
use crate::waiting::Waiting;

/// The pool of an environment, as the threads of the front see it.
pub(crate) struct EnvironmentPool {
    pub(super) key: Key,
    pub(super) gate: Arc<Gate>,
    pub(super) dispatchers: Arc<Dispatchers>,
}

impl EnvironmentPool {
    /// Lets a call in; `None` if the pool ends.
    pub(super) fn lease(self: &Arc<Self>) -> Option<LeasedPool> {
        self.gate.enter().map(|lease| LeasedPool { pool: self.clone(), lease })
    }
}

/// A pool with a call in it, which keeps it from ending.
pub(super) struct LeasedPool {
    pub(super) pool: Arc<EnvironmentPool>,
    pub(super) lease: Lease,
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
    pub(super) answer: Answer,
}

/// The way back to a call that waits.
pub(super) type Answer = oneshot::Sender<Result<LeasedPool, Error>>;

/// What the threads of the front and the keeper share.
pub(crate) struct Environments {
    pub(super) mode: Dependencies,
    pub(super) base: Arc<Base>,
    pub(super) listing: Listing,
    pub(super) requests: UnboundedSender<Request>,
    pub(super) waiting: Waiting,
    /// The pools that take calls.
    pub(super) running: Mutex<Vec<Arc<EnvironmentPool>>>,
    /// Of the threads that have not been started.
    pub(super) inboxes: Mutex<Vec<UnboundedReceiver<Change>>>,
}

/// The keeper's side of what it shares with the threads.
pub(super) struct KeeperSide {
    pub(super) requests: UnboundedReceiver<Request>,
    pub(super) threads: Vec<UnboundedSender<Change>>,
}

impl Environments {
    pub(super) fn new(
        mode: Dependencies,
        base: Arc<Base>,
        threads: usize,
    ) -> (Arc<Self>, KeeperSide) {
        let (requests, inbox) = unbounded_channel();
        let (threads, inboxes) = (0..threads).map(|_| unbounded_channel()).unzip();
        let (listing, waiting, running) = Default::default();
        let inboxes = Mutex::new(inboxes);
        let environments = Self { mode, base, listing, requests, waiting, running, inboxes };
        (Arc::new(environments), KeeperSide { requests: inbox, threads })
    }

    /// The pool of an environment for one call, once it takes calls. Whoever stops waiting stops nothing.
    pub(super) async fn pool(&self, key: Key, spec: Arc<Spec>) -> Result<LeasedPool, Error> {
        let (answer, pool) = oneshot::channel();
        self.requests.send(Request { key, spec, answer }).map_err(|_| Error::Draining)?;
        pool.await.map_err(|_| Error::Draining)?
    }

    /// Interrupts all calls in environments, and those that wait for one, because the server stops; how many
    /// there were.
    pub(crate) async fn cancel_all(&self) -> usize {
        let mut cancelled = self.waiting.cancel_all();
        let running = self.running.lock().clone();
        for pool in running {
            cancelled += pool.dispatchers.cancel_all().await;
        }
        cancelled
    }

    pub(super) fn to_json(&self, pool: &str) -> Vec<Value> {
        self.listing.to_json(pool)
    }
}
