//! The dispatchers of all threads of the front, for whoever starts and stops the server.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use owt_core::stats::CallStats;
use parking_lot::Mutex;
use tokio::sync::mpsc::UnboundedReceiver;

use super::broadcast::Broadcast;
use super::cancellation::CancelReason;
use super::dispatcher::{Dispatcher, Inbox};
use super::shared::{Limits, Shared};
use crate::pool::{self, WorkerEvent};
use crate::sources::Sources;

pub(crate) struct Dispatchers {
    shared: Arc<Shared>,
    broadcast: Broadcast<Dispatcher>,
    /// Of the threads that have not been started.
    inboxes: Mutex<Vec<Inbox>>,
}

impl Dispatchers {
    /// For the workers of a pool, whose events go to `listeners`: one for each thread of the front. All of a
    /// server know the same sources.
    pub(crate) fn new(
        pool: Arc<pool::Shared>,
        listeners: Vec<UnboundedReceiver<WorkerEvent>>,
        limits: Limits,
        sources: Arc<Sources>,
    ) -> Arc<Self> {
        let (broadcast, queries) = Broadcast::new(listeners.len());
        let inboxes = listeners.into_iter().zip(queries);
        let inboxes = inboxes.map(|(events, queries)| Inbox { events, queries }).collect();
        let shared = Arc::new(Shared::new(pool, sources, limits));
        Arc::new(Self { shared, broadcast, inboxes: Mutex::new(inboxes) })
    }

    /// The same for other workers of this server.
    pub(crate) fn beside(
        &self,
        pool: Arc<pool::Shared>,
        listeners: Vec<UnboundedReceiver<WorkerEvent>>,
        limits: Limits,
    ) -> Arc<Self> {
        Self::new(pool, listeners, limits, self.shared.sources.clone())
    }

    /// The limits of their calls.
    pub(crate) fn limits(&self) -> &Limits {
        &self.shared.limits
    }

    /// Makes the dispatcher of this thread, on its own loop.
    ///
    /// # Panics
    /// When there are more threads than listeners.
    pub(crate) fn start(&self) -> Rc<Dispatcher> {
        self.start_with(Rc::default())
    }

    /// The same, which counts with another dispatcher of this thread.
    pub(crate) fn start_beside(&self, other: &Dispatcher) -> Rc<Dispatcher> {
        self.start_with(other.stats.clone())
    }

    fn start_with(&self, stats: Rc<RefCell<CallStats>>) -> Rc<Dispatcher> {
        let inbox = self.inboxes.lock().pop().expect("there is a listener for each thread");
        Dispatcher::start(self.shared.clone(), self.broadcast.clone(), inbox, stats)
    }

    /// Interrupts all calls, because the server stops; how many there were.
    pub(crate) async fn cancel_all(&self) -> usize {
        let cancel = |dispatcher: Rc<Dispatcher>| async move {
            dispatcher.cancel_where(|_| true, CancelReason::Draining)
        };
        self.broadcast.ask_all(cancel).await.iter().sum()
    }
}
