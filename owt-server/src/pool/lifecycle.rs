//! The start and the stop of a pool's workers, and of what watches the processes of all pools.

use std::sync::Arc;

use tokio::sync::watch;

use super::process::Launch;
use super::shared::Shared;
use super::start_error::StartError;
use super::subreaper::{self, Subreaper};
use super::supervisor::Supervisor;
use crate::package::RunDir;

/// The running worker processes of a pool.
pub(crate) struct Pool {
    stop: watch::Sender<bool>,
    supervisors: Vec<tokio::task::JoinHandle<()>>,
}

impl Pool {
    /// Starts the workers, and waits until all of them are ready.
    ///
    /// # Errors
    /// When a worker does not start.
    pub(crate) async fn start(
        mut launch: Launch,
        run_dir: Arc<RunDir>,
        shared: Arc<Shared>,
    ) -> Result<Self, StartError> {
        let (stop, stopped) = watch::channel(false);
        launch.settings.connections = shared.listeners.len();
        let mut starting = Vec::new();
        for worker in shared.slots() {
            let supervisor = Supervisor {
                worker,
                launch: launch.clone(),
                run_dir: run_dir.clone(),
                shared: shared.clone(),
                stopped: stopped.clone(),
            };
            starting.push(supervisor.start()?);
        }
        let mut supervisors = Vec::new();
        for starting in starting {
            supervisors.push(starting.ready().await?);
        }
        Ok(Self { stop, supervisors })
    }

    /// Stops the workers. Calls that still run fail.
    pub(crate) async fn stop(self) {
        self.stop.send_replace(true);
        for supervisor in self.supervisors {
            let _ = supervisor.await;
        }
    }
}

/// What there is once in a server, however many pools it has.
pub(crate) struct Housekeeping {
    subreaper: Option<Arc<Subreaper>>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Housekeeping {
    /// Watches the processes of a pool, and of all that are made [beside](Shared::beside) it; and keeps the
    /// server's folder.
    pub(crate) fn start(shared: Option<&Arc<Shared>>, run_dir: Arc<RunDir>) -> Self {
        let subreaper = shared.map(|shared| shared.subreaper.clone());
        let mut tasks = vec![tokio::task::spawn_local(run_dir.keep())];
        if let Some(shared) = shared {
            let (subreaper, oom) = (shared.subreaper.clone(), shared.oom.clone());
            tasks.push(tokio::task::spawn_local(subreaper::watch(subreaper)));
            tasks.push(tokio::task::spawn_local(async move { oom.watch().await }));
        }
        Self { subreaper, tasks }
    }

    /// Kills what the workers of all pools have left, once these are stopped.
    pub(crate) async fn stop(self) {
        if let Some(subreaper) = self.subreaper {
            subreaper::kill_all(subreaper).await;
        }
        for task in self.tasks {
            task.abort();
            let _ = task.await;
        }
    }
}
