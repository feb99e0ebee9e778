//! What there is to count of the workers, for whoever shows it as metrics.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use owt_core::Death;

use super::life::Wear;
use super::{Shared, memory};

/// How the workers are and what has become of them, at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stats {
    pub(crate) events: Events,
    /// In the order of their numbers.
    pub(crate) workers: Vec<WorkerStats>,
}

/// What has happened since the server started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Events {
    /// Workers that became ready, the first ones included.
    pub(crate) started: u64,
    /// Starts that came to nothing.
    pub(crate) failed_starts: u64,
    /// Workers that took the place of one that had died or was killed.
    pub(crate) respawned: u64,
    /// Workers that ended by themselves, or were ended from outside owt.
    pub(crate) died: u64,
    /// Of those: how many were ended because memory ran out, surely or probably.
    pub(crate) out_of_memory: u64,
    /// Workers that owt killed: a call could not be stopped, or memory passed its limit.
    pub(crate) killed: u64,
    /// Workers that were replaced gently, by why.
    pub(crate) recycled: Recycled,
}

/// Workers that were replaced though they worked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Recycled {
    pub(crate) age: u64,
    pub(crate) calls: u64,
    pub(crate) memory: u64,
    /// Too many calls that were cancelled still waited in them.
    pub(crate) abandoned: u64,
    /// A call that was cancelled ran on.
    pub(crate) runaway: u64,
    /// owt itself failed in them.
    pub(crate) fault: u64,
}

/// One worker's place: the process there may be another one each time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct WorkerStats {
    pub(crate) is_up: bool,
    /// Calls that were sent there, since the server started.
    pub(crate) taken: u64,
    /// Calls that are there now, running or waiting, and those that a retired worker finishes.
    pub(crate) calls: usize,
    /// Process id of the worker that takes calls now.
    pub(crate) pid: Option<u32>,
    /// Resident memory of that process alone, in bytes.
    pub(crate) resident: Option<u64>,
    /// For how long that process has been ready.
    pub(crate) age: Option<Duration>,
}

/// The numbers behind [`Events`].
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) started: AtomicU64,
    pub(super) failed_starts: AtomicU64,
    pub(super) respawned: AtomicU64,
    pub(super) died: AtomicU64,
    pub(super) out_of_memory: AtomicU64,
    pub(super) killed: AtomicU64,
    recycled_for_age: AtomicU64,
    recycled_for_calls: AtomicU64,
    recycled_for_memory: AtomicU64,
    recycled_for_abandoned: AtomicU64,
    recycled_for_runaway: AtomicU64,
    recycled_for_fault: AtomicU64,
}

impl Counters {
    pub(super) fn recycled(&self, wear: Wear) {
        count(match wear {
            Wear::Age => &self.recycled_for_age,
            Wear::Calls => &self.recycled_for_calls,
            Wear::Memory { .. } => &self.recycled_for_memory,
            Wear::Abandoned { .. } => &self.recycled_for_abandoned,
            Wear::Runaway => &self.recycled_for_runaway,
            Wear::Fault => &self.recycled_for_fault,
        });
    }

    pub(super) fn ended(&self, death: Death) {
        match death {
            Death::Stuck | Death::Memory { .. } | Death::Lost => count(&self.killed),
            _ => count(&self.died),
        }
        if matches!(death, Death::OutOfMemory(_)) {
            count(&self.out_of_memory);
        }
    }

    fn events(&self) -> Events {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Events {
            started: read(&self.started),
            failed_starts: read(&self.failed_starts),
            respawned: read(&self.respawned),
            died: read(&self.died),
            out_of_memory: read(&self.out_of_memory),
            killed: read(&self.killed),
            recycled: Recycled {
                age: read(&self.recycled_for_age),
                calls: read(&self.recycled_for_calls),
                memory: read(&self.recycled_for_memory),
                abandoned: read(&self.recycled_for_abandoned),
                runaway: read(&self.recycled_for_runaway),
                fault: read(&self.recycled_for_fault),
            },
        }
    }
}

pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Shared {
    /// Reads all counters, and the memory of each worker from the system.
    pub(crate) fn stats(&self) -> Stats {
        let workers = self.workers.iter().map(|worker| {
            let present = worker.present();
            WorkerStats {
                is_up: worker.is_up.load(Ordering::Relaxed),
                taken: worker.taken.load(Ordering::Relaxed),
                calls: worker.calls.load(Ordering::Relaxed),
                pid: present.map(|(pid, _)| pid),
                resident: present.and_then(|(pid, _)| memory::resident(pid)),
                age: present.map(|(_, born)| born.elapsed()),
            }
        });
        Stats { events: self.counters.events(), workers: workers.collect() }
    }
}
