//! One place among the workers: a worker is started there, watched, and replaced when it dies or is
//! worn.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;

use super::availability::{MAX_ABSENCE, MAX_FAILED_STARTS};
use super::counters::count;
use super::exit_reason::ExitReason;
use super::life::{Life, Wear};
use super::process::{Process, StartError, longer};
use super::running::Running;
use super::{Shared, WorkerEvent};
use crate::package::RunDir;
use crate::wire::Settings;

/// A worker that lived this long is replaced at once.
const HEALTHY: Duration = Duration::from_secs(1);

/// The pause before a worker that did not live so long is replaced. It did start: most likely the
/// same call killed one after the other, and other calls are not to wait for that.
const BREATH: Duration = Duration::from_millis(50);

/// A worker that had too much memory before this age may just need it: the next one is spared longer.
const SOON: Duration = Duration::from_secs(60);

/// For how long a worker is spared at the most.
const LONGEST_SPARED: Duration = Duration::from_secs(300);

/// What it takes to run one worker after the other.
pub(super) struct Supervisor {
    pub(super) worker: usize,
    pub(super) settings: Settings,
    pub(super) run_dir: Arc<RunDir>,
    pub(super) shared: Arc<Shared>,
    pub(super) stopped: watch::Receiver<bool>,
}

/// A worker whose process has been started, and that is not ready yet.
pub(super) struct Starting {
    supervisor: Supervisor,
    process: Process,
}

impl Starting {
    /// Waits until the worker is ready, and keeps it running from then on.
    pub(super) async fn ready(self) -> Result<JoinHandle<()>, StartError> {
        let Self { supervisor, mut process } = self;
        process.ready().await?;
        Ok(tokio::task::spawn_local(supervisor.supervise(process)))
    }
}

/// What has become of a worker that was watched.
enum Turn {
    Stopped,
    Died(ExitReason),
    Worn(Wear),
}

impl Supervisor {
    pub(super) fn start(self) -> Result<Starting, StartError> {
        let process = self.spawn()?;
        Ok(Starting { supervisor: self, process })
    }

    fn spawn(&self) -> io::Result<Process> {
        Process::spawn(&self.settings, self.shared.listeners.len(), &self.shared.adopted)
    }

    /// Keeps a worker running until the pool stops.
    async fn supervise(self, process: Process) {
        let mut retired = Retired::default();
        let (mut next, mut spared) = (Some(process), Duration::ZERO);
        while let Some(process) = next {
            let mut running = self.announce(process);
            next = match self.watch(&mut running, spared, &mut retired).await {
                Turn::Stopped => {
                    running.process.end().await;
                    None
                }
                Turn::Died(reason) => {
                    let pause = if running.age() < HEALTHY { BREATH } else { Duration::ZERO };
                    self.bury(&running, reason);
                    self.respawn(pause).await
                }
                Turn::Worn(wear) if wear.is_urgent() => {
                    if matches!(wear, Wear::Memory { .. }) {
                        spared = longer_spared(spared, running.age());
                    }
                    self.retire(running, wear, &mut retired);
                    self.replacement(Duration::ZERO).await
                }
                Turn::Worn(wear) => self.relieve(running, wear, &mut retired).await,
            };
        }
        retired.at_most(0).await;
    }

    /// Lets all threads of the front know that a worker is ready.
    fn announce(&self, mut process: Process) -> Running {
        let (life, worker) = (Arc::<Life>::default(), self.worker);
        for (listener, socket) in self.shared.listeners.iter().zip(process.sockets.drain(..)) {
            let (life, lease) = (life.clone(), life.lease());
            let _ = listener.send(WorkerEvent::Up { worker, life, lease, socket });
        }
        let running = Running::new(worker, process, life, self.shared.clone());
        count(&self.shared.counters.started);
        self.shared.slots[worker].begin(running.process.pid(), running.limits.max_calls);
        running
    }

    async fn watch(&self, running: &mut Running, spared: Duration, retired: &mut Retired) -> Turn {
        let gauge = running.gauge();
        let worn = async {
            let wear = gauge.worn(spared).await;
            tokio::select! {
                () = retired.at_most(wear.max_leaving()) => wear,
                () = gauge.guard() => wear,
            }
        };
        tokio::select! {
            reason = running.exit_reason() => Turn::Died(reason),
            wear = worn => Turn::Worn(wear),
            () = self.stopped() => Turn::Stopped,
        }
    }

    /// Starts another worker while the worn one works on, and retires that once the other is ready.
    async fn relieve(
        &self,
        mut running: Running,
        wear: Wear,
        retired: &mut Retired,
    ) -> Option<Process> {
        let gauge = running.gauge();
        let mut starting = pin!(self.replacement(Duration::ZERO));
        let reason = tokio::select! {
            next = &mut starting => {
                match next {
                    Some(_) => self.retire(running, wear, retired),
                    None => running.process.end().await,
                }
                return next;
            }
            reason = running.exit_reason() => reason,
            () = gauge.guard() => ExitReason::Lost,
        };
        self.bury(&running, reason);
        starting.await
    }

    /// Sends no more calls to a worker, and ends it once those that it has are over.
    fn retire(&self, running: Running, wear: Wear, retired: &mut Retired) {
        self.shared.tell(|| WorkerEvent::Retire { worker: self.worker });
        self.shared.slots[self.worker].end();
        self.shared.counters.recycled(wear);
        tracing::info!("worker {} is replaced, because {wear}", self.worker);
        let leaving = leave(running, self.stopped.clone());
        retired.0.spawn_local(leaving);
    }

    /// Clears up after a worker that has died.
    fn bury(&self, running: &Running, reason: ExitReason) {
        self.shared.tell(|| running.down(reason));
        self.shared.slots[self.worker].end();
        self.shared.counters.ended(reason);
        running.process.end_rest(self.worker);
        tracing::warn!("worker {} ended ({reason}); starting another", self.worker);
    }

    async fn respawn(&self, pause: Duration) -> Option<Process> {
        let process = self.replacement(pause).await;
        process.inspect(|_| count(&self.shared.counters.respawned))
    }

    /// Starts another worker, and tries less and less often where it does not start; `None` when
    /// the pool stops.
    async fn replacement(&self, pause: Duration) -> Option<Process> {
        tokio::select! {
            process = self.start_until_ready(pause) => Some(process),
            never = self.shared.limit_absence(self.worker, MAX_ABSENCE) => match never {},
            () = self.stopped() => None,
        }
    }

    async fn start_until_ready(&self, mut pause: Duration) -> Process {
        let mut failures = 0;
        loop {
            sleep(pause).await;
            match self.attempt().await {
                Ok(process) => return process,
                Err(err) => {
                    failures += 1;
                    self.start_failed(failures, &err);
                }
            }
            pause = longer(pause);
        }
    }

    async fn attempt(&self) -> Result<Process, StartError> {
        self.run_dir.clone().restore_in_background().await.map_err(StartError::Package)?;
        let mut process = self.spawn()?;
        process.ready().await.map(|()| process)
    }

    fn start_failed(&self, failures: u32, err: &StartError) {
        tracing::error!("worker {}: {err}", self.worker);
        count(&self.shared.counters.failed_starts);
        if failures >= MAX_FAILED_STARTS {
            self.shared.unavailable(self.worker, &err.to_string());
        }
    }

    async fn stopped(&self) {
        stopped(self.stopped.clone()).await;
    }
}

/// Waits until the pool stops.
async fn stopped(mut stopped: watch::Receiver<bool>) {
    // An error says that nobody is left who could stop it.
    let _ = stopped.wait_for(|stop| *stop).await;
}

/// The workers of this place that were retired and are still there.
#[derive(Default)]
struct Retired(JoinSet<()>);

impl Retired {
    /// Waits until no more than so many are left.
    async fn at_most(&mut self, most: usize) {
        while self.0.len() > most {
            self.0.join_next().await;
        }
    }
}

/// The end of a worker that gets no more calls: when it has finished those that it has, when it has
/// taken too long for that, or when the pool stops.
async fn leave(mut running: Running, stop: watch::Receiver<bool>) {
    let (life, gauge) = (running.life.clone(), running.gauge());
    let drain = running.limits.drain;
    let died = tokio::select! {
        reason = running.exit_reason() => Some(reason),
        () = life.idle() => None,
        () = sleep(drain) => {
            tracing::warn!("a replaced worker still has calls after {drain:?}; ending it");
            None
        }
        () = gauge.guard() => None,
        () = stopped(stop) => None,
    };
    let reason = match died {
        Some(reason) => {
            tracing::warn!("a replaced worker ended before its calls did ({reason})");
            running.shared.counters.ended(reason);
            reason
        }
        None => {
            running.process.end().await;
            ExitReason::Recycled
        }
    };
    running.process.end_rest(running.worker);
    running.shared.tell(|| running.down(reason));
}

/// For how long the next worker is spared after one that had too much memory at this age. One that
/// loads a large model has too much again and again, and nothing is won by replacing it each time.
fn longer_spared(spared: Duration, age: Duration) -> Duration {
    match age < spared.max(SOON) + SOON {
        true => (spared * 2).clamp(HEALTHY, LONGEST_SPARED),
        false => Duration::ZERO,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_that_always_needs_more_memory_is_replaced_less_and_less_often() {
        let soon = Duration::from_secs(1);
        let spared = std::iter::successors(Some(Duration::ZERO), |spared| {
            Some(longer_spared(*spared, *spared + soon))
        });
        let spared: Vec<_> = spared.take(11).map(|time| time.as_secs()).collect();
        assert_eq!(spared, [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300]);
    }

    #[test]
    fn a_worker_whose_memory_grew_slowly_is_replaced_at_once() {
        assert_eq!(longer_spared(Duration::ZERO, Duration::from_secs(3600)), Duration::ZERO);
        assert_eq!(longer_spared(LONGEST_SPARED, Duration::from_secs(3600)), Duration::ZERO);
    }
}
