//! The state that supervisors and the threads of the front share.

use std::ops::Range;
use std::sync::Arc;

use owt_core::stats::{WorkerEvents, WorkerStats};
use owt_core::{Digest, Health, KeepAlive, PoolHealth};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::counters::Counters;
use super::event::WorkerEvent;
use super::memory;
use super::oom::OomWatch;
use super::profile::Profile;
use super::slot::Slot;
use super::subreaper::Subreaper;
use super::usage::UsedAdaptor;

pub(crate) struct Shared {
    pub(super) slots: Vec<Slot>,
    /// One for each thread of the front.
    pub(super) listeners: Vec<UnboundedSender<WorkerEvent>>,
    pub(crate) profile: Arc<Profile>,
    /// What comes before the numbers of its workers, where there are other pools.
    pub(crate) prefix: String,
    pub(super) counters: Arc<Counters>,
    pub(super) oom: Arc<OomWatch>,
    pub(crate) subreaper: Arc<Subreaper>,
}

impl Shared {
    /// Returns a receiver for each thread of the front, too.
    pub(crate) fn new(
        profile: Arc<Profile>,
        threads: usize,
    ) -> (Arc<Self>, Vec<UnboundedReceiver<WorkerEvent>>) {
        let (counters, oom, subreaper) = Default::default();
        let (listeners, receivers) = (0..threads).map(|_| unbounded_channel()).unzip();
        let slots = (0..profile.workers).map(|_| Slot::default()).collect();
        let prefix = String::new();
        let shared = Self { slots, listeners, profile, prefix, counters, oom, subreaper };
        (Arc::new(shared), receivers)
    }

    /// The same for other workers of this server, whose names begin with `prefix`. Counters, and what
    /// watches the processes of the server, are there once.
    pub(crate) fn beside(
        &self,
        profile: Arc<Profile>,
        prefix: String,
    ) -> (Arc<Self>, Vec<UnboundedReceiver<WorkerEvent>>) {
        let (listeners, receivers) = self.listeners.iter().map(|_| unbounded_channel()).unzip();
        let shared = Self {
            slots: (0..profile.workers).map(|_| Slot::default()).collect(),
            listeners,
            profile,
            prefix,
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

    /// A worker as the log names it.
    pub(crate) fn name(&self, worker: usize) -> String {
        format!("{}{worker}", self.prefix)
    }

    /// A call is sent to a worker.
    pub(crate) fn begin_call(&self, worker: usize) {
        self.slots[worker].count_call();
        self.slots[worker].usage.begin();
    }

    /// That call has ended; `keep_alive` is what its sender or its adaptor has said.
    pub(crate) fn end_call(
        &self,
        worker: usize,
        adaptor: Digest,
        file: Option<&str>,
        keep_alive: Option<KeepAlive>,
    ) {
        let keep = keep_alive.unwrap_or_else(|| self.profile.keep_alive());
        self.slots[worker].usage.end(adaptor, file, keep);
    }

    /// The adaptors that a worker has been called with, the last one first.
    pub(crate) fn adaptors(&self, worker: usize) -> Vec<UsedAdaptor> {
        self.slots[worker].usage.adaptors()
    }

    pub(crate) fn health(&self) -> Health {
        let (name, total) = (self.profile.name.clone(), self.slots.len());
        let alive = self.slots.iter().filter(|slot| slot.is_up()).count();
        let reason = self.slots.iter().find_map(|slot| slot.outage.reason());
        Health { alive, total, reason, pools: vec![PoolHealth { name, alive, total }] }
    }

    pub(crate) fn events(&self) -> WorkerEvents {
        self.counters.events()
    }

    /// Its workers, but for their calls, which the pool does not know.
    pub(crate) fn workers(&self) -> Vec<WorkerStats> {
        let slots = self.slots.iter().enumerate();
        let stats = slots.map(|(worker, slot)| {
            let current = slot.current();
            WorkerStats {
                pool: self.profile.name.clone(),
                name: self.name(worker),
                is_up: slot.is_up(),
                pid: current.map(|(pid, _)| pid),
                calls: 0,
                resident: current.and_then(|(pid, _)| memory::resident(pid)),
                age: current.map(|(_, ready)| ready.elapsed()),
            }
        });
        stats.collect()
    }

    /// Sends an event to all threads of the front.
    pub(super) fn notify(&self, event: impl Fn() -> WorkerEvent) {
        for listener in &self.listeners {
            // It fails if the thread has ended.
            let _ = listener.send(event());
        }
    }
}
