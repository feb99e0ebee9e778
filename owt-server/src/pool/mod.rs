//! The worker processes as the front sees them: started, watched, replaced when they die, and
//! reached by each thread of the front over a socket of its own.

mod absence;
mod adopted;
mod calls;
mod claims;
mod drain;
mod ending;
mod life;
mod lines;
mod link;
mod memory;
mod oom;
mod output;
mod pending;
mod process;
mod running;
mod shares;
mod sources;
pub(crate) mod stats;
mod supervisor;
mod threads;
mod upload;
mod visit;

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use owt_core::{Death, Digest, Error};
use tokio::sync::{Notify, mpsc, watch};

use crate::fairness::with_headroom;
use crate::package::RunDir;
use crate::wire::Settings;
use absence::Absence;
use adopted::Adopted;
pub(crate) use calls::CallState;
pub(crate) use claims::{Claim, Claims, is_id};
pub use life::Recycling;
use life::{Lease, Life};
use oom::OomWatch;
pub use process::StartError;
use shares::Shares;
use sources::Sources;
use stats::Counters;
pub(crate) use stats::{Events, Recycled, Stats};
use supervisor::Supervisor;
pub(crate) use threads::Links;
pub(crate) use upload::{Attached, Upload};
use visit::Visit;

/// What a thread of the front hears about the workers.
pub(crate) enum Event {
    /// A worker is there; this is the socket to it.
    Up { worker: usize, life: Arc<Life>, lease: Lease, socket: std::os::unix::net::UnixStream },
    /// The worker that is there gets no more calls, and finishes those that it has.
    Retire { worker: usize },
    /// A worker has ended, this one or one that was retired.
    Down { worker: usize, life: Arc<Life>, death: Death },
    /// No worker can be started there, and calls do not wait for one any more.
    Unavailable { worker: usize, reason: Arc<str> },
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
    /// How many calls may be at a worker, running or waiting, those beyond one adaptor's included.
    capacity: usize,
    /// How long a call that was cancelled may take to end, before its worker is ended.
    grace: Duration,
    is_draining: AtomicBool,
    recycling: Recycling,
    counters: Counters,
    oom: OomWatch,
    adopted: Arc<Adopted>,
}

/// What is known of one worker's place; processes come there and go.
#[derive(Default)]
struct WorkerState {
    is_up: AtomicBool,
    /// Calls that were sent to it and not yet answered.
    calls: AtomicUsize,
    /// Of these, how many are of each adaptor.
    shares: Shares,
    /// Calls that were ever sent to it.
    taken: AtomicU64,
    /// Up to how many of them the present process may go on.
    most: AtomicU64,
    worn: Notify,
    /// The present process, and since when it is ready.
    present: Mutex<Option<(u32, Instant)>>,
    absence: Absence,
}

impl WorkerState {
    /// Takes a place at the worker for a call of an adaptor, if there is one of so many for it.
    fn enter(&self, adaptor: Digest, capacity: usize) -> Result<(), Error> {
        let others = self.calls.fetch_add(1, Ordering::Relaxed);
        if !self.shares.take(adaptor, capacity.saturating_sub(others)) {
            self.calls.fetch_sub(1, Ordering::Relaxed);
            return Err(Error::QueueFull);
        }
        self.count_call();
        Ok(())
    }

    fn leave(&self, adaptor: Digest) {
        self.shares.give_back(adaptor);
        self.calls.fetch_sub(1, Ordering::Relaxed);
    }

    fn count_call(&self) {
        let before = self.taken.fetch_add(1, Ordering::Relaxed);
        if before + 1 == self.most.load(Ordering::Relaxed) {
            self.worn.notify_one();
        }
    }

    /// Waits until the present process has had as many calls as it may.
    async fn worn(&self) {
        // A word that was meant for the process before this one is not believed.
        while self.taken.load(Ordering::Relaxed) < self.most.load(Ordering::Relaxed) {
            self.worn.notified().await;
        }
    }

    /// A process is there, and may have so many calls.
    fn begin(&self, pid: u32, max_calls: Option<u64>) {
        let taken = self.taken.load(Ordering::Relaxed);
        let most = max_calls.map_or(u64::MAX, |calls| taken.saturating_add(calls));
        self.most.store(most, Ordering::Relaxed);
        self.set_present(Some((pid, Instant::now())));
        self.absence.end();
        self.is_up.store(true, Ordering::Relaxed);
    }

    fn end(&self) {
        self.is_up.store(false, Ordering::Relaxed);
        self.set_present(None);
        self.absence.begin();
    }

    fn present(&self) -> Option<(u32, Instant)> {
        *self.present.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_present(&self, present: Option<(u32, Instant)>) {
        *self.present.lock().unwrap_or_else(PoisonError::into_inner) = present;
    }
}

impl Shared {
    /// For so many workers, and a front of so many threads, each of which takes one of the ears.
    /// `capacity` is how many calls of one adaptor may be at a worker.
    pub(crate) fn new(
        workers: usize,
        threads: usize,
        capacity: usize,
        grace: Duration,
        recycling: Recycling,
    ) -> (Arc<Self>, Ears) {
        let (fronts, ears) = (0..threads).map(|_| mpsc::unbounded_channel()).unzip();
        let shared = Self {
            sources: Sources::default(),
            claims: Arc::default(),
            workers: (0..workers).map(|_| WorkerState::default()).collect(),
            fronts,
            capacity: with_headroom(capacity),
            grace,
            is_draining: AtomicBool::new(false),
            recycling,
            counters: Counters::default(),
            oom: OomWatch::default(),
            adopted: Arc::default(),
        };
        (Arc::new(shared), Ears(Mutex::new(ears)))
    }

    /// Tells every thread of the front what has happened.
    fn tell(&self, event: impl Fn() -> Event) {
        for front in &self.fronts {
            // A thread that has ended needs to know nothing.
            let _ = front.send(event());
        }
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
    watches: Vec<tokio::task::JoinHandle<()>>,
    run_dir: Arc<RunDir>,
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
        let run_dir = Arc::new(run_dir);
        let (stop, stopped) = watch::channel(false);
        settings.connections = shared.fronts.len();
        let adopting = tokio::task::spawn_local(adopted::watch(shared.adopted.clone()));
        let mut starting = Vec::new();
        for worker in 0..shared.workers.len() {
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

/// How long a worker has for its exit functions before it is killed.
const FAREWELL: Duration = Duration::from_secs(1);
