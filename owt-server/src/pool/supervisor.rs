//! Supervises one slot: starts a worker there, watches it, and replaces it.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;

use super::availability::{MAX_FAILED_STARTS, MAX_OUTAGE};
use super::backoff::{EarlyExits, next_memory_backoff, next_pause};
use super::counters::count;
use super::event::WorkerEvent;
use super::exit_reason::ExitReason;
use super::handle::WorkerHandle;
use super::process::{Launch, Process};
use super::recycling::RecycleReason;
use super::running::RunningWorker;
use super::shared::Shared;
use super::start_error::StartError;
use crate::package::RunDir;

pub(super) struct Supervisor {
    pub(super) worker: usize,
    pub(super) launch: Launch,
    pub(super) run_dir: Arc<RunDir>,
    pub(super) shared: Arc<Shared>,
    pub(super) stopped: watch::Receiver<bool>,
}

/// A worker that has been started and is not ready yet.
pub(super) struct Starting {
    supervisor: Supervisor,
    process: Process,
}

impl Starting {
    /// Waits until the worker is ready, and supervises its slot from then on.
    pub(super) async fn ready(self) -> Result<JoinHandle<()>, StartError> {
        let Self { supervisor, mut process } = self;
        process.ready().await?;
        Ok(tokio::task::spawn_local(supervisor.supervise(process)))
    }
}

/// What a supervisor reacts to.
enum Event {
    PoolStopped,
    Exited(ExitReason),
    Recycle(RecycleReason),
}

impl Supervisor {
    pub(super) fn start(self) -> Result<Starting, StartError> {
        let process = self.spawn()?;
        Ok(Starting { supervisor: self, process })
    }

    fn spawn(&self) -> Result<Process, StartError> {
        let Shared { profile, listeners, subreaper, .. } = &*self.shared;
        Process::spawn(&self.launch, profile, self.worker, listeners.len(), subreaper)
    }

    /// Keeps a worker running until the pool stops.
    async fn supervise(self, process: Process) {
        let (mut retired, mut early_exits) = (Retired::default(), EarlyExits::default());
        let (mut next, mut memory_backoff) = (Some(process), Duration::ZERO);
        while let Some(process) = next {
            let mut running = self.announce(process);
            next = match self.next_event(&mut running, memory_backoff, &mut retired).await {
                Event::PoolStopped => {
                    running.process.stop().await;
                    None
                }
                Event::Exited(reason) => {
                    let pause = early_exits.pause_after_exit(running.age(), running.is_used());
                    self.reap(&running, reason);
                    if early_exits.are_an_outage() {
                        let why = format!("workers end as soon as they are ready ({reason})");
                        self.shared.unavailable(self.worker, &why);
                    }
                    self.respawn(pause).await
                }
                Event::Recycle(reason) if reason.is_urgent() => {
                    if matches!(reason, RecycleReason::Memory { .. }) {
                        memory_backoff = next_memory_backoff(memory_backoff, running.age());
                    }
                    self.retire(running, reason, &mut retired);
                    self.replacement(Duration::ZERO).await
                }
                Event::Recycle(reason) => self.rolling_replace(running, reason, &mut retired).await,
            };
        }
        retired.at_most(0).await;
    }

    /// Announces a worker that is ready to all threads of the front.
    fn announce(&self, mut process: Process) -> RunningWorker {
        let (handle, worker) = (Arc::<WorkerHandle>::default(), self.worker);
        let sockets = std::mem::take(&mut process.sockets);
        let running = RunningWorker::new(worker, process, handle.clone(), self.shared.clone());
        for (listener, socket) in self.shared.listeners.iter().zip(sockets) {
            let (handle, drain_guard) = (handle.clone(), handle.drain_guard());
            let name = self.name();
            let _ = listener.send(WorkerEvent::Up { worker, name, handle, drain_guard, socket });
        }
        count(&self.shared.counters.started);
        self.shared.slots[worker].set_up(running.process.pid(), running.limits.max_calls);
        running
    }

    async fn next_event(
        &self,
        running: &mut RunningWorker,
        memory_backoff: Duration,
        retired: &mut Retired,
    ) -> Event {
        let monitor = running.health_monitor();
        let recycle_reason = async {
            let reason = monitor.recycle_reason(memory_backoff).await;
            tokio::select! {
                () = retired.at_most(reason.max_retired()) => reason,
                () = monitor.enforce_memory_limit() => reason,
            }
        };
        tokio::select! {
            reason = running.exited() => Event::Exited(reason),
            reason = recycle_reason => Event::Recycle(reason),
            () = self.stopped() => Event::PoolStopped,
        }
    }

    /// Starts a replacement while the worker keeps taking calls, and retires it once that is ready.
    async fn rolling_replace(
        &self,
        mut running: RunningWorker,
        recycle_reason: RecycleReason,
        retired: &mut Retired,
    ) -> Option<Process> {
        let monitor = running.health_monitor();
        let mut starting = pin!(self.replacement(Duration::ZERO));
        let reason = tokio::select! {
            next = &mut starting => {
                match next {
                    Some(_) => self.retire(running, recycle_reason, retired),
                    None => running.process.stop().await,
                }
                return next;
            }
            reason = running.exited() => reason,
            () = monitor.enforce_memory_limit() => ExitReason::Lost,
        };
        self.reap(&running, reason);
        starting.await
    }

    /// Sends no new calls to a worker, and lets it drain in the background.
    fn retire(&self, mut running: RunningWorker, reason: RecycleReason, retired: &mut Retired) {
        running.loaded = self.shared.loaded(None);
        self.shared.notify(|| WorkerEvent::Retire { worker: self.worker });
        self.shared.slots[self.worker].set_down();
        self.shared.counters.recycled(reason);
        tracing::info!("worker {} is replaced, because {reason}", self.name());
        retired.0.spawn_local(drain(running, self.stopped.clone()));
    }

    /// Cleans up after a worker that has exited: its calls fail, and its processes are killed.
    fn reap(&self, running: &RunningWorker, reason: ExitReason) {
        self.shared.notify(|| running.down(reason));
        self.shared.slots[self.worker].set_down();
        self.shared.counters.ended(reason);
        running.process.kill_left(&self.name());
        tracing::warn!("worker {} ended ({reason}); starting another", self.name());
    }

    async fn respawn(&self, pause: Duration) -> Option<Process> {
        let process = self.replacement(pause).await;
        process.inspect(|_| count(&self.shared.counters.respawned))
    }

    /// Starts another worker, with a growing pause between attempts; `None` if the pool stops.
    async fn replacement(&self, pause: Duration) -> Option<Process> {
        tokio::select! {
            process = self.start_until_ready(pause) => Some(process),
            never = self.shared.limit_outage(self.worker, MAX_OUTAGE) => match never {},
            () = self.stopped() => None,
        }
    }

    async fn start_until_ready(&self, mut pause: Duration) -> Process {
        let mut failures = 0;
        loop {
            sleep(pause).await;
            match self.try_start().await {
                Ok(process) => return process,
                Err(err) => {
                    failures += 1;
                    self.start_failed(failures, &err);
                }
            }
            pause = next_pause(pause);
        }
    }

    async fn try_start(&self) -> Result<Process, StartError> {
        self.run_dir.clone().restore_in_background().await.map_err(StartError::Package)?;
        let mut process = self.spawn()?;
        process.ready().await.map(|()| process)
    }

    fn start_failed(&self, failures: u32, err: &StartError) {
        tracing::error!("worker {}: {err}", self.name());
        count(&self.shared.counters.failed_starts);
        if failures >= MAX_FAILED_STARTS {
            self.shared.unavailable(self.worker, &err.to_string());
        }
    }

    fn name(&self) -> String {
        self.shared.name(self.worker)
    }

    async fn stopped(&self) {
        stopped(self.stopped.clone()).await;
    }
}

/// Waits until the pool stops.
async fn stopped(mut stopped: watch::Receiver<bool>) {
    // It fails if the pool was dropped, which stops it as well.
    let _ = stopped.wait_for(|stop| *stop).await;
}

/// The retired workers of this slot that still run.
#[derive(Default)]
struct Retired(JoinSet<()>);

impl Retired {
    /// Waits until at most `max` are left.
    async fn at_most(&mut self, max: usize) {
        while self.0.len() > max {
            self.0.join_next().await;
        }
    }
}

/// Stops a retired worker when it has finished its calls, after a time limit, or when the pool stops.
async fn drain(mut running: RunningWorker, stop: watch::Receiver<bool>) {
    let (handle, monitor) = (running.handle.clone(), running.health_monitor());
    let limit = running.limits.drain;
    let exited = tokio::select! {
        reason = running.exited() => Some(reason),
        () = handle.drained() => None,
        () = sleep(limit) => {
            tracing::warn!("a replaced worker still has calls after {limit:?}; ending it");
            None
        }
        () = monitor.enforce_memory_limit() => None,
        () = stopped(stop) => None,
    };
    let reason = match exited {
        Some(reason) => {
            tracing::warn!("a replaced worker ended before its calls did ({reason})");
            running.shared.counters.ended(reason);
            reason
        }
        None => {
            running.process.stop().await;
            ExitReason::Recycled
        }
    };
    running.process.kill_left(&running.shared.name(running.worker));
    running.shared.notify(|| running.down(reason));
}
