//! The state that supervisors and the threads of the front share.

use std::ops::Range;
use std::sync::Arc;

use owt_core::Health;
use owt_core::stats::{WorkerEvents, WorkerStats};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::counters::Counters;
use super::event::WorkerEvent;
use super::oom::OomWatch;
use super::recycling::Recycling;
use super::slot::Slot;
use super::subreaper::Subreaper;

pub(crate) struct Shared {
    pub(super) slots: Vec<Slot>,
    /// One for each thread of the front.
    pub(super) listeners: Vec<UnboundedSender<WorkerEvent>>,
    pub(crate) recycling: Recycling,
    pub(super) counters: Arc<Counters>,
    pub(super) oom: Arc<OomWatch>,
    pub(crate) subreaper: Arc<Subreaper>,
}

impl Shared {
    /// Returns a receiver for each thread of the front, too.
    pub(crate) fn new(
        workers: usize,
        threads: usize,
        recycling: Recycling,
    ) -> (Arc<Self>, Vec<UnboundedReceiver<WorkerEvent>>) {
        let (counters, oom, subreaper) = Default::default();
        let (listeners, receivers) = (0..threads).map(|_| unbounded_channel()).unzip();
        let slots = (0..workers).map(|_| Slot::default()).collect();
        let shared = Self { slots, listeners, recycling, counters, oom, subreaper };
        (Arc::new(shared), receivers)
    }

    /// The same for another pool of this server, of as many workers. Counters, and what watches the
    /// processes of the server, are there once.
    pub(crate) fn beside(&self) -> (Arc<Self>, Vec<UnboundedReceiver<WorkerEvent>>) {
        let (listeners, receivers) = self.listeners.iter().map(|_| unbounded_channel()).unzip();
        let shared = Self {
            slots: self.slots.iter().map(|_| Slot::default()).collect(),
            listeners,
            recycling: self.recycling.clone(),
            counters: self.counters.clone(),
            oom: self.oom.clone(),
            subreaper: self.subreaper.clone(),
        };
        (Arc::new(shared), receivers)
    }

    /// The numbers of the workers.
    pub(crate) fn slots(&self) -> Range<usize> {
        0..self.slots.len()
    }

    /// Counts a call that is sent to a worker, for the limit of calls.
    pub(crate) fn count_call(&self, worker: usize) {
        self.slots[worker].count_call();
    }

    pub(crate) fn health(&self) -> Health {
        Health {
            alive: self.slots.iter().filter(|slot| slot.is_up()).count(),
            total: self.slots.len(),
            reason: self.slots.iter().find_map(|slot| slot.outage.reason()),
        }
    }

    pub(crate) fn stats(&self) -> (WorkerEvents, Vec<WorkerStats>) {
        (self.counters.events(), self.slots.iter().map(Slot::stats).collect())
    }

    /// Sends an event to all threads of the front.
    pub(super) fn notify(&self, event: impl Fn() -> WorkerEvent) {
        for listener in &self.listeners {
            // It fails if the thread has ended.
            let _ = listener.send(event());
        }
    }
}
