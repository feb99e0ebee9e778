//! The one task that has environments made, and their workers started and ended.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use owt_core::Error;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::environments::{Answer, Change, EnvironmentPool, Environments, KeeperSide, Request};
use super::gate::Gate;
use super::listing::State;
use super::plan::sentence;
use crate::config::Dependencies;
use crate::dispatch::Dispatchers;
use crate::environment::{Base, Installed, Installer, Key, Progress, Spec, Uv};
use crate::package::RunDir;
use crate::pool::{self, Launch, Pool};

/// After so long without a call, the workers of an environment end.
const MAX_IDLE: Duration = Duration::from_secs(10 * 60);

/// How many environments have workers at a time.
const MAX_RUNNING: usize = 16;

/// How many may wait.
const MAX_MAKING: usize = 64;

/// How often it is looked for workers that are idle.
const CHECK_INTERVAL: Duration = Duration::from_secs(5);

/// How often environments are removed that nobody has used for long.
const CLEAN_INTERVAL: Duration = Duration::from_secs(60 * 60);

/// What the workers of environments have in common with those of their pool.
pub(crate) struct Profile {
    pub(crate) launch: Launch,
    pub(crate) run_dir: Arc<RunDir>,
    pub(crate) pool: Arc<pool::Shared>,
    pub(crate) dispatchers: Arc<Dispatchers>,
}

/// Keeps the environments of a server.
pub(crate) struct Keeper {
    maker: Rc<Maker>,
    environments: Arc<Environments>,
    side: KeeperSide,
    /// The calls that wait for each environment that is being made.
    making: HashMap<Key, Vec<Answer>>,
    tasks: JoinSet<(Key, Result<Running, Error>)>,
    running: HashMap<Key, Running>,
    ending: JoinSet<()>,
    age: Duration,
    cleaned: Option<Instant>,
}

/// An environment with workers.
struct Running {
    pool: Arc<EnvironmentPool>,
    workers: Pool,
    installed: Installed,
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

impl Keeper {
    pub(crate) fn new(
        profile: Profile,
        installer: Installer,
        base: Arc<Base>,
        mode: Dependencies,
        (threads, age): (usize, Duration),
    ) -> (Self, Arc<Environments>) {
        let (environments, side) = Environments::new(mode, base, threads);
        let maker = Maker { profile, installer, environments: environments.clone() };
        let (making, tasks, running, ending) = Default::default();
        let keeper = Self {
            maker: Rc::new(maker),
            environments: environments.clone(),
            side,
            making,
            tasks,
            running,
            ending,
            age,
            cleaned: None,
        };
        (keeper, environments)
    }

    pub(super) fn profile(&self) -> &Profile {
        &self.maker.profile
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
                    if let Ok((key, outcome)) = made {
                        self.made(key, outcome);
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
        if let Err(err) = self.make_room() {
            let _ = answer.send(Err(err));
            return;
        }
        self.making.insert(key, vec![answer]);
        let progress = self.environments.listing.begin(key, spec.clone());
        let maker = self.maker.clone();
        self.tasks.spawn_local(async move { (key, maker.make(key, &spec, &progress).await) });
    }

    /// Ends the workers that nobody has called for the longest time, where there are too many.
    fn make_room(&mut self) -> Result<(), Error> {
        if self.making.len() >= MAX_MAKING {
            return Err(Error::QueueFull);
        }
        if self.running.len() + self.making.len() < MAX_RUNNING {
            return Ok(());
        }
        let mut idle: Vec<_> =
            self.running.iter().map(|(key, running)| (running.pool.gate.idle(), *key)).collect();
        idle.sort();
        match idle.into_iter().rev().any(|(_, key)| self.end_if_unused(key)) {
            true => Ok(()),
            false => Err(Error::WorkerUnavailable(format!(
                "{MAX_RUNNING} environments are in use, and there are no more at a time"
            ))),
        }
    }

    fn made(&mut self, key: Key, outcome: Result<Running, Error>) {
        let waiting = self.making.remove(&key).unwrap_or_default();
        let listing = &self.environments.listing;
        let made = match outcome {
            Ok(running) => {
                listing.set(key, State::Running, Some(&running.installed.manifest.python));
                let pool = running.pool.clone();
                self.environments.running.lock().push(pool.clone());
                self.tell(&Change::Added(pool.clone()));
                self.running.insert(key, running);
                Ok(pool)
            }
            Err(err) => {
                listing.set(key, State::Failed, None);
                tracing::warn!("environment {key}: {err}");
                Err(err)
            }
        };
        for waiting in waiting {
            let answer = made.clone().and_then(|pool| pool.lease().ok_or(Error::QueueFull));
            // It fails if that call has gone.
            let _ = waiting.send(answer);
        }
    }

    fn tell(&self, change: &Change) {
        for thread in &self.side.threads {
            let _ = thread.send(change.clone());
        }
    }

    fn check(&mut self) {
        let idle = self.running.iter().filter(|(_, running)| running.pool.gate.idle() > MAX_IDLE);
        for key in idle.map(|(key, _)| *key).collect::<Vec<_>>() {
            self.end_if_unused(key);
        }
        if self.cleaned.is_none_or(|cleaned| cleaned.elapsed() > CLEAN_INTERVAL) {
            self.cleaned = Some(Instant::now());
            self.clean();
        }
    }

    /// Those that run here are locked, and so they stay.
    fn clean(&self) {
        let store = self.maker.installer.store.clone();
        self.running.keys().for_each(|key| store.touch(*key));
        let age = self.age;
        tokio::task::spawn_blocking(move || store.remove_unused(age));
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
        let Some(Running { pool, workers, installed }) = self.running.remove(&key) else { return };
        self.environments.running.lock().retain(|running| !Arc::ptr_eq(running, &pool));
        self.environments.listing.set(key, State::Idle, None);
        self.tell(&Change::Ended(pool));
        self.ending.spawn_local(async move {
            workers.stop().await;
            drop(installed);
        });
    }
}

/// Makes environments, and starts their workers.
struct Maker {
    profile: Profile,
    installer: Installer,
    environments: Arc<Environments>,
}

impl Maker {
    async fn make(&self, key: Key, spec: &Spec, progress: &Progress) -> Result<Running, Error> {
        let began = Instant::now();
        let find = || Uv::find(&self.profile.launch.python);
        let installed = self.installer.install(spec, find, progress).await;
        let installed = installed.map_err(|err| sentence(&err))?;
        let python = &installed.manifest.python;
        tracing::info!("environment {key}: Python {python}, ready after {:.1?}", began.elapsed());
        self.environments.listing.set(key, State::Starting, Some(python));
        self.start(key, installed).await
    }

    async fn start(&self, key: Key, installed: Installed) -> Result<Running, Error> {
        let Profile { launch, run_dir, pool, dispatchers } = &self.profile;
        let limits = dispatchers.limits().clone();
        // As many as an adaptor may live in: there are few that share an environment.
        let workers = limits.replicas.min(pool.profile.workers);
        let profile = pool::Profile { workers, ..(*pool.profile).clone() };
        let prefix = format!("{}{}/", pool.prefix, key.short());
        let (shared, listeners) = pool.beside(profile.into(), prefix);
        let dispatchers = dispatchers.beside(shared.clone(), listeners, limits);
        let launch = Launch { python: installed.python.clone(), ..launch.clone() };
        let workers = Pool::start(launch, run_dir.clone(), shared).await;
        let workers = workers.map_err(|err| Error::WorkerUnavailable(err.to_string()))?;
        let pool = EnvironmentPool { key, gate: Gate::open(), dispatchers };
        Ok(Running { pool: Arc::new(pool), workers, installed })
    }
}
