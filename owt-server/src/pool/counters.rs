//! What is counted of the workers.

use std::sync::atomic::{AtomicU64, Ordering};

use owt_core::stats::{Recycled, WorkerEvents};

use super::exit_reason::ExitReason;
use super::life::Wear;

/// The numbers behind [`WorkerEvents`].
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

    pub(super) fn ended(&self, reason: ExitReason) {
        match reason {
            ExitReason::Stuck | ExitReason::Memory { .. } | ExitReason::Lost => count(&self.killed),
            _ => count(&self.died),
        }
        if matches!(reason, ExitReason::OutOfMemory(_)) {
            count(&self.out_of_memory);
        }
    }

    pub(super) fn events(&self) -> WorkerEvents {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        WorkerEvents {
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
