//! What the supervisors and the threads of the front share of the pool.

use std::ops::Range;
use std::sync::Arc;

use owt_core::Health;
use owt_core::stats::{WorkerEvents, WorkerStats};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::adopted::Adopted;
use super::counters::Counters;
use super::event::WorkerEvent;
use super::life::Recycling;
use super::oom::OomWatch;
use super::slot::Slot;

pub(crate) struct Shared {
    pub(super) slots: Vec<Slot>,
    /// Where the threads of the front are told of what happens.
    pub(super) listeners: Vec<UnboundedSender<WorkerEvent>>,
    pub(crate) recycling: Recycling,
    pub(super) counters: Counters,
    pub(super) oom: OomWatch,
    pub(super) adopted: Arc<Adopted>,
}

impl Shared {
    /// For so many workers, and a front of so many threads, each of which takes one of the receivers.
    pub(crate) fn new(
        workers: usize,
        threads: usize,
        recycling: Recycling,
    ) -> (Arc<Self>, Vec<UnboundedReceiver<WorkerEvent>>) {
        let (listeners, receivers) = (0..threads).map(|_| unbounded_channel()).unzip();
        let shared = Self {
            slots: (0..workers).map(|_| Slot::default()).collect(),
            listeners,
            recycling,
            counters: Counters::default(),
            oom: OomWatch::default(),
            adopted: Arc::default(),
        };
        (Arc::new(shared), receivers)
    }

    /// The numbers of the workers that there should be.
    pub(crate) fn places(&self) -> Range<usize> {
        0..self.slots.len()
    }

    /// Counts a call that is sent to a worker: a worker may be replaced after so many.
    pub(crate) fn count_call(&self, worker: usize) {
        self.slots[worker].count_call();
    }

    pub(crate) fn health(&self) -> Health {
        Health {
            alive: self.slots.iter().filter(|slot| slot.is_up()).count(),
            total: self.slots.len(),
            reason: self.slots.iter().find_map(|slot| slot.absence.reason()),
        }
    }

    pub(crate) fn stats(&self) -> (WorkerEvents, Vec<WorkerStats>) {
        (self.counters.events(), self.slots.iter().map(Slot::stats).collect())
    }

    /// Tells all threads of the front.
    pub(super) fn tell(&self, event: impl Fn() -> WorkerEvent) {
        for listener in &self.listeners {
            // A thread that has ended needs to know nothing.
            let _ = listener.send(event());
        }
    }
}
