//! The worker processes: started, watched, and replaced when they die or are worn. The pool knows no
//! call; it tells the threads of the front which workers there are.

mod absence;
mod adopted;
mod availability;
mod counters;
mod event;
mod exit_reason;
mod life;
mod memory;
mod oom;
mod output;
mod process;
mod running;
mod shared;
mod slot;
mod supervisor;

use std::sync::Arc;

use tokio::sync::watch;

use crate::package::RunDir;
use crate::wire::Settings;
pub(crate) use event::WorkerEvent;
pub(crate) use exit_reason::ExitReason;
pub use life::Recycling;
pub(crate) use life::{Lease, Life, Unanswered, Wear};
pub use process::StartError;
pub(crate) use shared::Shared;
use supervisor::Supervisor;

/// The running worker processes.
pub(crate) struct Pool {
    pub(crate) shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    supervisors: Vec<tokio::task::JoinHandle<()>>,
    watches: Vec<tokio::task::JoinHandle<()>>,
    run_dir: Arc<RunDir>,
}

impl Pool {
    /// Starts the workers, and waits until all of them are ready.
    ///
    /// # Errors
    /// When a worker does not start; there is then no sense in trying again.
    pub(crate) async fn start(
        mut settings: Settings,
        run_dir: RunDir,
        shared: Arc<Shared>,
    ) -> Result<Self, StartError> {
        let run_dir = Arc::new(run_dir);
        let (stop, stopped) = watch::channel(false);
        settings.connections = shared.listeners.len();
        let adopting = tokio::task::spawn_local(adopted::watch(shared.adopted.clone()));
        let mut starting = Vec::new();
        for worker in shared.places() {
            let supervisor = Supervisor {
                worker,
                settings: settings.clone(),
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
        let watches = vec![
            adopting,
            tokio::task::spawn_local(running::watch_for_oom(shared.clone())),
            tokio::task::spawn_local(run_dir.clone().keep()),
        ];
        Ok(Self { shared, stop, supervisors, watches, run_dir })
    }

    /// Ends the workers; calls that are still running are lost.
    pub(crate) async fn stop(self) {
        self.stop.send_replace(true);
        for supervisor in self.supervisors {
            let _ = supervisor.await;
        }
        adopted::end_all(self.shared.adopted.clone()).await;
        for watch in self.watches {
            watch.abort();
            let _ = watch.await;
        }
        drop(self.run_dir);
    }
}
