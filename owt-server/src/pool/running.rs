//! A worker process that is ready, until it exits.

use std::sync::Arc;
use std::time::{Duration, Instant};

use owt_core::Error;
use tokio::time::timeout;

use super::event::WorkerEvent;
use super::exit_reason::ExitReason;
use super::handle::WorkerHandle;
use super::health::HealthMonitor;
use super::process::Process;
use super::recycling::Recycling;
use super::shared::Shared;

/// How long a worker whose sockets have closed may take to exit by itself.
const EXIT_TIMEOUT: Duration = Duration::from_millis(100);

pub(super) struct RunningWorker {
    pub(super) worker: usize,
    pub(super) process: Process,
    pub(super) handle: Arc<WorkerHandle>,
    pub(super) limits: Recycling,
    started: Instant,
    /// What was loaded when it was retired: the next one in its place begins with nothing.
    pub(super) loaded: Option<String>,
    /// How many calls its slot had had before.
    calls_before: u64,
    pub(super) shared: Arc<Shared>,
}

impl RunningWorker {
    pub(super) fn new(
        worker: usize,
        process: Process,
        handle: Arc<WorkerHandle>,
        shared: Arc<Shared>,
    ) -> Self {
        let limits = shared.profile.recycling.with_jitter();
        let calls_before = shared.slots[worker].calls();
        let (started, loaded) = (Instant::now(), None);
        Self { worker, process, handle, limits, started, loaded, calls_before, shared }
    }

    /// Whether it has been sent a call.
    pub(super) fn is_used(&self) -> bool {
        self.shared.slots[self.worker].calls() > self.calls_before
    }

    pub(super) fn age(&self) -> Duration {
        self.started.elapsed()
    }

    /// The event that reports the worker's exit to the front.
    pub(super) fn down(&self, reason: ExitReason) -> WorkerEvent {
        let mut err = Error::from(reason);
        if let (true, Error::WorkerDied { how, .. }) = (reason.is_of_memory(), &mut err)
            && let Some(loaded) = self.loaded.clone().or_else(|| self.shared.loaded(None))
        {
            // The sentence that it is in ends it.
            how.push_str(&format!(". {}", loaded.trim_end_matches('.')));
        }
        WorkerEvent::Down { worker: self.worker, handle: self.handle.clone(), err }
    }

    /// Waits until the worker has exited, and kills it if it has to be terminated.
    pub(super) async fn exited(&mut self) -> ExitReason {
        let reason = tokio::select! {
            status = self.process.wait() => {
                return self.shared.oom.exit_reason(status.unwrap_or_default());
            }
            reason = self.handle.termination() => reason,
        };
        // A worker whose sockets have closed is most likely exiting by itself.
        if reason == ExitReason::Lost
            && let Ok(status) = timeout(EXIT_TIMEOUT, self.process.wait()).await
        {
            return self.shared.oom.exit_reason(status.unwrap_or_default());
        }
        self.process.kill().await;
        reason
    }

    pub(super) fn health_monitor(&self) -> HealthMonitor {
        HealthMonitor {
            worker: self.worker,
            pid: self.process.pid(),
            started: self.started,
            limits: self.limits.clone(),
            handle: self.handle.clone(),
            shared: self.shared.clone(),
        }
    }
}
