//! The dispatchers of all threads of the front, for whoever starts and stops the server.

use std::rc::Rc;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::mpsc::UnboundedReceiver;

use super::broadcast::Broadcast;
use super::cancellation::CancelReason;
use super::dispatcher::{Dispatcher, Inbox};
use super::shared::{Limits, Shared};
use crate::pool::{self, WorkerEvent};

pub(crate) struct Dispatchers {
    shared: Arc<Shared>,
    broadcast: Broadcast<Dispatcher>,
    /// Of the threads that have not been started.
    inboxes: Mutex<Vec<Inbox>>,
}

impl Dispatchers {
    /// For the workers of a pool, whose events go to `listeners`: one for each thread of the front.
    pub(crate) fn new(
        pool: Arc<pool::Shared>,
        listeners: Vec<UnboundedReceiver<WorkerEvent>>,
        limits: Limits,
    ) -> Arc<Self> {
        let (broadcast, queries) = Broadcast::new(listeners.len());
        let inboxes = listeners.into_iter().zip(queries);
        let inboxes = inboxes.map(|(events, queries)| Inbox { events, queries }).collect();
        let shared = Arc::new(Shared::new(pool, limits));
        Arc::new(Self { shared, broadcast, inboxes: Mutex::new(inboxes) })
    }

    /// Makes the dispatcher of this thread, on its own loop.
    ///
    /// # Panics
    /// When there are more threads than listeners.
    pub(crate) fn start(&self) -> Rc<Dispatcher> {
        let inbox = self.inboxes.lock().pop().expect("there is a listener for each thread");
        Dispatcher::start(self.shared.clone(), self.broadcast.clone(), inbox)
    }

    /// Interrupts all calls, because the server stops; how many there were.
    pub(crate) async fn cancel_all(&self) -> usize {
        let cancel = |dispatcher: Rc<Dispatcher>| async move {
            dispatcher.cancel_where(|_| true, CancelReason::Draining)
        };
        self.broadcast.ask_all(cancel).await.iter().sum()
    }
}
