//! Counters of worker starts and ends.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use owt_core::stats::WorkerEvents;
use parking_lot::Mutex;
use strum::VariantNames as _;

use super::exit_reason::ExitReason;
use super::recycling::RecycleReason;

/// The numbers behind [`WorkerEvents`].
#[derive(Debug)]
pub(super) struct Counters {
    pub(super) started: AtomicU64,
    pub(super) failed_starts: AtomicU64,
    pub(super) respawned: AtomicU64,
    died: AtomicU64,
    out_of_memory: AtomicU64,
    killed: AtomicU64,
    /// By the reason; there is an entry for each.
    recycled: Mutex<BTreeMap<&'static str, u64>>,
}

impl Default for Counters {
    fn default() -> Self {
        let (started, failed_starts, respawned, died, out_of_memory, killed) = Default::default();
        let recycled = RecycleReason::VARIANTS.iter().map(|reason| (*reason, 0)).collect();
        let recycled = Mutex::new(recycled);
        Self { started, failed_starts, respawned, died, out_of_memory, killed, recycled }
    }
}

impl Counters {
    pub(super) fn recycled(&self, reason: RecycleReason) {
        *self.recycled.lock().entry(reason.into()).or_default() += 1;
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
            recycled: self.recycled.lock().clone(),
        }
    }
}

pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
