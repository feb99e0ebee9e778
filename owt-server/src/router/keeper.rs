//! The one task of a pool that has environments made, and their workers started and ended.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use owt_core::Error;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::environments::{
    Answer, Change, EnvironmentPool, Environments, KeeperSide, LeasedPool, Request,
};
use super::listing::State;
use super::maker::{Maker, UvMaker};
use crate::config::Dependencies;
use crate::environment::{Base, Key};

/// After so long without a call, the workers of an environment end.
const MAX_IDLE: Duration = Duration::from_secs(10 * 60);

/// How many environments have workers at a time.
pub(super) const MAX_RUNNING: usize = 16;

/// How many may be installed or started, or wait for that.
const MAX_MAKING: usize = 64;

/// How often it is looked for workers that are idle.
const CHECK_INTERVAL: Duration = Duration::from_secs(5);

/// How often environments are removed that nobody has used for long.
const CLEAN_INTERVAL: Duration = Duration::from_secs(60 * 60);

/// Keeps the environments of a pool. Each is installed first, however many run, and then takes the place
/// of one that nobody calls, if there is no other place.
pub(crate) struct Keeper<M: Maker = UvMaker> {
    pub(super) maker: Rc<M>,
    environments: Arc<Environments>,
    side: KeeperSide,
    /// The calls that wait for each environment that is installed or started.
    making: HashMap<Key, Vec<Answer>>,
    /// How many of them are started.
    starting: usize,
    tasks: JoinSet<(Key, Made<M>)>,
    running: HashMap<Key, Running<M::Workers>>,
    ending: JoinSet<()>,
    cleaned: Option<Instant>,
}

/// How a task has ended that makes an environment.
enum Made<M: Maker> {
    Installed(Result<(M::Installed, String), Error>),
    Started(Result<(Arc<EnvironmentPool>, M::Workers), Error>),
}

/// An environment with workers.
struct Running<W> {
    pool: Arc<EnvironmentPool>,
    workers: W,
}

/// The keeper at work.
pub(crate) struct KeeperHandle {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl KeeperHandle {
    /// Gives up what is being made, and ends the workers of all environments.
    pub(crate) async fn stop(self) {
        let _ = self.stop.send(());
        let _ = self.task.await;
    }
}

impl<M: Maker> Keeper<M> {
    /// And what it shares with so many threads of the front.
    pub(crate) fn new(
        maker: M,
        mode: Dependencies,
        base: Arc<Base>,
        threads: usize,
    ) -> (Self, Arc<Environments>) {
        let (environments, side) = Environments::new(mode, base, threads);
        let keeper = Self {
            maker: Rc::new(maker),
            environments: environments.clone(),
            side,
            making: HashMap::new(),
            starting: 0,
            tasks: JoinSet::new(),
            running: HashMap::new(),
            ending: JoinSet::new(),
            cleaned: None,
        };
        (keeper, environments)
    }

    /// Begins, on this thread's own loop.
    pub(crate) fn start(self) -> KeeperHandle {
        let (stop, stopped) = oneshot::channel();
        KeeperHandle { stop, task: tokio::task::spawn_local(self.keep(stopped)) }
    }

    async fn keep(mut self, mut stopped: oneshot::Receiver<()>) {
        let mut checks = interval(CHECK_INTERVAL);
        checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = &mut stopped => break,
                Some(request) = self.side.requests.recv() => self.request(request),
                Some(made) = self.tasks.join_next() => {
                    if let Ok((key, made)) = made {
                        self.made(key, made);
                    }
                }
                Some(_) = self.ending.join_next() => {}
                _ = checks.tick() => self.check(),
            }
        }
        // Dropped, what is being made is killed, and the calls that wait are told.
        self.tasks.shutdown().await;
        self.making.clear();
        for key in self.running.keys().copied().collect::<Vec<_>>() {
            self.end(key);
        }
        while self.ending.join_next().await.is_some() {}
    }

    fn request(&mut self, Request { key, spec, answer }: Request) {
        // Only this task closes its gate, and takes it out then.
        if let Some(leased) = self.running.get(&key).and_then(|running| running.pool.lease()) {
            let _ = answer.send(Ok(leased));
            return;
        }
        if let Some(waiting) = self.making.get_mut(&key) {
            waiting.push(answer);
            return;
        }
        if self.making.len() >= MAX_MAKING {
            let _ = answer.send(Err(Error::QueueFull));
            return;
        }
        self.making.insert(key, vec![answer]);
        let progress = self.environments.listing.begin(key, &spec);
        let maker = self.maker.clone();
        self.tasks.spawn_local(async move {
            (key, Made::Installed(maker.install(&spec, &progress).await))
        });
    }

    fn made(&mut self, key: Key, made: Made<M>) {
        match made {
            Made::Installed(Ok((installed, python))) => self.start_workers(key, installed, &python),
            Made::Started(Ok((pool, workers))) => {
                self.starting -= 1;
                self.run(key, Running { pool, workers });
            }
            Made::Installed(Err(err)) => self.fail(key, &err),
            Made::Started(Err(err)) => {
                self.starting -= 1;
                self.fail(key, &err);
            }
        }
    }

    fn start_workers(&mut self, key: Key, installed: M::Installed, python: &str) {
        self.environments.listing.set(key, State::Starting, Some(python));
        if !self.make_room() {
            self.environments.listing.set(key, State::Idle, None);
            let text =
                format!("{MAX_RUNNING} environments are in use, and there are no more at a time");
            return self.answer(key, || Err(Error::WorkerUnavailable(text.clone())));
        }
        self.starting += 1;
        let maker = self.maker.clone();
        self.tasks
            .spawn_local(async move { (key, Made::Started(maker.start(key, installed).await)) });
    }

    /// Ends the workers that nobody has called for the longest time, where there are too many. Whether
    /// there is room for others now.
    fn make_room(&mut self) -> bool {
        if self.running.len() + self.starting < MAX_RUNNING {
            return true;
        }
        let idle = self.running.iter().map(|(key, running)| (running.pool.gate.idle(), *key));
        let mut idle: Vec<_> = idle.collect();
        idle.sort();
        idle.into_iter().rev().any(|(_, key)| self.end_if_unused(key))
    }

    fn run(&mut self, key: Key, running: Running<M::Workers>) {
        let pool = running.pool.clone();
        self.environments.listing.set(key, State::Running, None);
        self.environments.running.lock().push(pool.clone());
        self.tell(&Change::Added(pool.clone()));
        self.running.insert(key, running);
        self.answer(key, || pool.lease().ok_or(Error::QueueFull));
    }

    fn fail(&mut self, key: Key, err: &Error) {
        tracing::warn!("environment {key}: {err}");
        self.environments.listing.set(key, State::Failed, None);
        self.answer(key, || Err(err.clone()));
    }

    /// Answers the calls that wait for an environment.
    fn answer(&mut self, key: Key, answer: impl Fn() -> Result<LeasedPool, Error>) {
        for waiting in self.making.remove(&key).unwrap_or_default() {
            // It fails if that call has gone.
            let _ = waiting.send(answer());
        }
    }

    fn tell(&self, change: &Change) {
        for thread in &self.side.threads {
            let _ = thread.send(change.clone());
        }
    }

    fn check(&mut self) {
        self.end_idle(MAX_IDLE);
        if self.cleaned.is_none_or(|cleaned| cleaned.elapsed() > CLEAN_INTERVAL) {
            self.cleaned = Some(Instant::now());
            self.maker.remove_unused(&self.running.keys().copied().collect::<Vec<_>>());
        }
    }

    /// Ends the workers that nobody has called for longer than this.
    fn end_idle(&mut self, longer: Duration) {
        let idle = self.running.iter().filter(|(_, running)| running.pool.gate.idle() > longer);
        for key in idle.map(|(key, _)| *key).collect::<Vec<_>>() {
            self.end_if_unused(key);
        }
    }

    /// Ends the workers of an environment, unless a call is there; whether they end.
    fn end_if_unused(&mut self, key: Key) -> bool {
        let is_closed = self.running.get(&key).is_some_and(|running| running.pool.gate.close());
        if is_closed {
            self.end(key);
        }
        is_closed
    }

    fn end(&mut self, key: Key) {
        let Some(Running { pool, workers }) = self.running.remove(&key) else { return };
        self.environments.running.lock().retain(|running| !Arc::ptr_eq(running, &pool));
        self.environments.listing.set(key, State::Idle, None);
        self.tell(&Change::Ended(pool));
        let maker = self.maker.clone();
        self.ending.spawn_local(async move { maker.stop(workers).await });
    }
}
