//! The worker processes as the front sees them: started, watched, replaced when they die, and
//! reached by each thread of the front over a socket of its own.

mod calls;
mod claims;
mod drain;
mod link;
mod pending;
mod process;
mod sources;
mod threads;
mod upload;
mod visit;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use owt_core::{Death, Digest};
use tokio::sync::{Notify, mpsc, watch};

use crate::package::RunDir;
use crate::worker::Settings;
pub(crate) use claims::{Claim, Claims, is_id};
pub use process::StartError;
use process::Supervisor;
use sources::Sources;
pub(crate) use threads::Links;
pub(crate) use upload::{Attached, Upload};
use visit::Visit;

/// What a thread of the front hears about the workers.
pub(crate) enum Event {
    /// A worker is there; this is the socket to it.
    Up { worker: usize, socket: std::os::unix::net::UnixStream },
    /// A worker has ended.
    Down { worker: usize, death: Death },
    /// Somebody wants to know what only this thread knows.
    Visit(Visit),
}

/// What all threads of the front share.
pub(crate) struct Shared {
    pub(crate) sources: Sources,
    pub(crate) claims: Arc<Claims>,
    workers: Vec<WorkerState>,
    /// Where the threads of the front hear of what happens.
    fronts: Vec<mpsc::UnboundedSender<Event>>,
    /// How many calls may be at a worker, running or waiting.
    capacity: usize,
    /// How long a call that was cancelled may take to end, before its worker is ended.
    grace: Duration,
    is_draining: AtomicBool,
}

/// What is known of one worker.
#[derive(Default)]
struct WorkerState {
    is_up: AtomicBool,
    /// Calls that were sent to it and not yet answered.
    calls: AtomicUsize,
    /// Why it has to be ended, once it has.
    verdict: Mutex<Option<Death>>,
    condemned: Notify,
}

impl WorkerState {
    /// Has the worker ended and replaced: it does not do what it is told.
    fn condemn(&self, death: Death) {
        *self.verdict.lock().unwrap_or_else(PoisonError::into_inner) = Some(death);
        self.condemned.notify_one();
    }

    fn take_verdict(&self) -> Option<Death> {
        self.verdict.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Shared {
    /// For so many workers, and a front of so many threads, each of which takes one of the ears.
    pub(crate) fn new(
        workers: usize,
        threads: usize,
        capacity: usize,
        grace: Duration,
    ) -> (Arc<Self>, Ears) {
        let (fronts, ears) = (0..threads).map(|_| mpsc::unbounded_channel()).unzip();
        let workers = (0..workers).map(|_| WorkerState::default()).collect();
        let (sources, claims, is_draining) = Default::default();
        let shared = Self { sources, claims, workers, fronts, capacity, grace, is_draining };
        (Arc::new(shared), Ears(Mutex::new(ears)))
    }

    /// How many workers there should be, and how many are up.
    pub(crate) fn workers(&self) -> (usize, usize) {
        let up = self.workers.iter().filter(|worker| worker.is_up.load(Ordering::Relaxed));
        (self.workers.len(), up.count())
    }

    /// The worker that an adaptor lives in, so that its models are in memory once.
    fn home(&self, digest: Digest) -> usize {
        let [a, b, c, d, e, f, g, h, ..] = digest.0;
        let number = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
        let workers = self.workers.len() as u64;
        usize::try_from(number % workers).expect("the remainder is below a usize")
    }
}

/// The running worker processes.
pub(crate) struct Pool {
    pub(crate) shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    supervisors: Vec<tokio::task::JoinHandle<()>>,
    run_dir: RunDir,
}

/// What each thread of the front takes to reach the workers: its ear for [`Event`]s.
pub(crate) struct Ears(Mutex<Vec<mpsc::UnboundedReceiver<Event>>>);

impl Ears {
    /// One ear, as long as there are any: as many as there are threads.
    pub(crate) fn take(&self) -> Option<mpsc::UnboundedReceiver<Event>> {
        self.0.lock().ok()?.pop()
    }
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
        let (stop, stopped) = watch::channel(false);
        settings.links = shared.fronts.len();
        let mut starting = Vec::new();
        for worker in 0..shared.workers.len() {
            let supervisor = Supervisor {
                worker,
                settings: settings.clone(),
                shared: shared.clone(),
                stopped: stopped.clone(),
            };
            starting.push(supervisor.start()?);
        }
        let mut supervisors = Vec::new();
        for starting in starting {
            supervisors.push(starting.ready().await?);
        }
        Ok(Self { shared, stop, supervisors, run_dir })
    }

    /// Ends the workers; calls that are still running are lost.
    pub(crate) async fn stop(self) {
        self.stop.send_replace(true);
        for supervisor in self.supervisors {
            let _ = supervisor.await;
        }
        drop(self.run_dir);
    }
}

/// How long a worker has for its exit functions before it is killed.
const FAREWELL: Duration = Duration::from_secs(1);
