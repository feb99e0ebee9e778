//! A worker process that is at work: what ends it, and what wears it out.

use std::future::pending;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::exit_reason::ExitReason;
use super::life::{Life, Recycling, Wear};
use super::process::Process;
use super::{Shared, WorkerEvent, memory, oom};

/// How often the memory of a worker is looked at, where it is limited.
const LOOK: Duration = Duration::from_millis(250);

/// How long a worker whose sockets have closed may take to end by itself.
const LAST_MOMENT: Duration = Duration::from_millis(100);

pub(super) struct Running {
    pub(super) worker: usize,
    pub(super) process: Process,
    pub(super) life: Arc<Life>,
    pub(super) limits: Recycling,
    born: Instant,
    pub(super) shared: Arc<Shared>,
}

impl Running {
    pub(super) fn new(
        worker: usize,
        process: Process,
        life: Arc<Life>,
        shared: Arc<Shared>,
    ) -> Self {
        let limits = shared.recycling.with_jitter();
        Self { worker, process, life, limits, born: Instant::now(), shared }
    }

    pub(super) fn age(&self) -> Duration {
        self.born.elapsed()
    }

    /// What the threads of the front are told when the worker has ended.
    pub(super) fn down(&self, reason: ExitReason) -> WorkerEvent {
        WorkerEvent::Down { worker: self.worker, life: self.life.clone(), reason }
    }

    /// Waits for the worker's end, and brings it about where it has to be. Gives back how it ended.
    pub(super) async fn exit_reason(&mut self) -> ExitReason {
        let verdict = tokio::select! {
            status = self.process.wait() => return self.shared.oom.exit_reason(status.unwrap_or_default()),
            verdict = self.life.condemned() => verdict,
        };
        // A worker whose sockets have closed is most likely ending by itself.
        if verdict == ExitReason::Lost
            && let Ok(status) = timeout(LAST_MOMENT, self.process.wait()).await
        {
            return self.shared.oom.exit_reason(status.unwrap_or_default());
        }
        self.process.kill().await;
        verdict
    }

    /// What it takes to see that this worker is worn.
    pub(super) fn gauge(&self) -> Gauge {
        Gauge {
            worker: self.worker,
            pid: self.process.pid(),
            born: self.born,
            limits: self.limits.clone(),
            life: self.life.clone(),
            shared: self.shared.clone(),
        }
    }
}

/// Sees that a worker is worn, or has to be ended because of its memory.
pub(super) struct Gauge {
    worker: usize,
    pid: u32,
    born: Instant,
    limits: Recycling,
    life: Arc<Life>,
    shared: Arc<Shared>,
}

impl Gauge {
    /// Waits until the worker is worn. That it has too much memory is overlooked while it is younger
    /// than `spared`.
    pub(super) async fn worn(&self, spared: Duration) -> Wear {
        let age = self.limits.max_age.map(|age| age.saturating_sub(self.born.elapsed()));
        tokio::select! {
            () = after(age) => Wear::Age,
            () = self.shared.slots[self.worker].worn() => Wear::Calls,
            resident = self.grown(self.limits.max_rss, spared) => Wear::Memory { resident },
            reason = self.life.recycled() => reason,
        }
    }

    /// Has the worker ended where it has more memory than it may. Never comes to an end.
    pub(super) async fn guard(&self) {
        self.grown(None, Duration::ZERO).await;
    }

    /// Waits until the worker has more than `most` bytes, and condemns one that is beyond its last limit.
    async fn grown(&self, most: Option<u64>, spared: Duration) -> u64 {
        let last = self.limits.kill_rss;
        let Some(least) = most.into_iter().chain(last).min() else { return pending().await };
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            let resident = memory::resident_with_children(self.pid, least);
            if let Some(limit) = last.filter(|limit| resident > *limit) {
                self.life.condemn(ExitReason::Memory { limit });
            } else if most.is_some_and(|most| resident > most) && self.born.elapsed() >= spared {
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

/// Reads the counters of what the kernel has ended, now and then: what has happened since an earlier
/// look is what a worker may have died of.
pub(super) async fn watch_for_oom(shared: Arc<Shared>) {
    let mut looks = interval(oom::LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        shared.oom.look();
    }
}
