//! The start and the stop of all workers.

use std::sync::Arc;

use tokio::sync::watch;

use super::process::Launch;
use super::shared::Shared;
use super::start_error::StartError;
use super::subreaper;
use super::supervisor::Supervisor;
use crate::package::RunDir;

/// The running worker processes.
pub(crate) struct Pool {
    pub(crate) shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    supervisors: Vec<tokio::task::JoinHandle<()>>,
    background: Vec<tokio::task::JoinHandle<()>>,
    run_dir: Arc<RunDir>,
}

impl Pool {
    /// Starts the workers, and waits until all of them are ready.
    ///
    /// # Errors
    /// When a worker does not start.
    pub(crate) async fn start(
        mut launch: Launch,
        run_dir: RunDir,
        shared: Arc<Shared>,
    ) -> Result<Self, StartError> {
        let run_dir = Arc::new(run_dir);
        let (stop, stopped) = watch::channel(false);
        launch.settings.connections = shared.listeners.len();
        let reaping = tokio::task::spawn_local(subreaper::watch(shared.subreaper.clone()));
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
        let background = vec![
            reaping,
            tokio::task::spawn_local({
                let shared = shared.clone();
                async move { shared.oom.watch().await }
            }),
            tokio::task::spawn_local(run_dir.clone().keep()),
        ];
        Ok(Self { shared, stop, supervisors, background, run_dir })
    }

    /// Stops the workers. Calls that still run fail.
    pub(crate) async fn stop(self) {
        self.stop.send_replace(true);
        for supervisor in self.supervisors {
            let _ = supervisor.await;
        }
        subreaper::kill_all(self.shared.subreaper.clone()).await;
        for task in self.background {
            task.abort();
            let _ = task.await;
        }
        drop(self.run_dir);
    }
}
