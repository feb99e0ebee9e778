//! Watches one worker: whether it has reached a limit, or uses more memory than is allowed.

use std::future::pending;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::{MissedTickBehavior, interval, sleep};

use super::exit_reason::ExitReason;
use super::handle::WorkerHandle;
use super::memory;
use super::recycling::{RecycleReason, Recycling};
use super::shared::Shared;

/// How often the memory of a worker is read, if it is limited.
const MEMORY_POLL_INTERVAL: Duration = Duration::from_millis(250);

pub(super) struct HealthMonitor {
    pub(super) worker: usize,
    pub(super) pid: u32,
    pub(super) started: Instant,
    pub(super) limits: Recycling,
    pub(super) handle: Arc<WorkerHandle>,
    pub(super) shared: Arc<Shared>,
}

impl HealthMonitor {
    /// Waits until there is a reason to replace the worker. Too much memory is none before the age of
    /// `memory_backoff`.
    pub(super) async fn recycle_reason(&self, memory_backoff: Duration) -> RecycleReason {
        let age = self.limits.max_age.map(|age| age.saturating_sub(self.started.elapsed()));
        tokio::select! {
            () = after(age) => RecycleReason::Age,
            () = self.shared.slots[self.worker].reached_max_calls() => RecycleReason::Calls,
            resident = self.exceeded_memory(self.limits.max_rss, memory_backoff) => {
                RecycleReason::Memory { resident }
            }
            () = self.shared.slots[self.worker].usage.over() => RecycleReason::Idle,
            reason = self.handle.recycled() => reason,
        }
    }

    /// Terminates the worker if it exceeds `kill_rss`. Never returns.
    pub(super) async fn enforce_memory_limit(&self) {
        self.exceeded_memory(None, Duration::ZERO).await;
    }

    /// Waits until the worker has more than `max_rss` bytes, and terminates it above `kill_rss`.
    async fn exceeded_memory(&self, max_rss: Option<u64>, backoff: Duration) -> u64 {
        let kill_rss = self.limits.kill_rss;
        let Some(limit) = max_rss.into_iter().chain(kill_rss).min() else { return pending().await };
        let mut interval = interval(MEMORY_POLL_INTERVAL);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            interval.tick().await;
            let resident = memory::resident_with_children(self.pid, limit);
            if let Some(limit) = kill_rss.filter(|limit| resident > *limit) {
                self.handle.terminate(ExitReason::Memory { limit });
            } else if max_rss.is_some_and(|max| resident > max) && self.started.elapsed() >= backoff
            {
                return resident;
            }
        }
    }
}

async fn after(time: Option<Duration>) {
    match time {
        Some(time) => sleep(time).await,
        None => pending().await,
    }
}
