//! Makes environments, and starts and stops their workers. When, the keeper decides.

use std::sync::Arc;
use std::time::Duration;

use owt_core::Error;
use tokio::time::Instant;

use super::environments::EnvironmentPool;
use super::gate::Gate;
use super::plan::sentence;
use crate::dispatch::Dispatchers;
use crate::environment::{Installed, Installer, Key, Progress, Spec, Uv};
use crate::package::RunDir;
use crate::pool::{self, Launch, Pool};

pub(crate) trait Maker: 'static {
    /// An environment that is there, and stays there.
    type Installed: 'static;
    /// Its workers.
    type Workers: 'static;

    /// Makes an environment, if it is not there. Gives the version of its Python, too.
    async fn install(
        &self,
        spec: &Spec,
        progress: &Progress,
    ) -> Result<(Self::Installed, String), Error>;

    /// Starts the workers of an environment.
    async fn start(
        &self,
        key: Key,
        installed: Self::Installed,
    ) -> Result<(Arc<EnvironmentPool>, Self::Workers), Error>;

    async fn stop(&self, workers: Self::Workers);

    /// Removes environments that nobody has used for long, in the background; these are in use.
    fn remove_unused(&self, used: &[Key]);
}

/// What the workers of environments have in common with those of their pool.
pub(crate) struct Profile {
    pub(crate) launch: Launch,
    pub(crate) run_dir: Arc<RunDir>,
    pub(crate) pool: Arc<pool::Shared>,
    pub(crate) dispatchers: Arc<Dispatchers>,
}

/// Makes the environments of a pool with `uv`.
pub(crate) struct UvMaker {
    pub(crate) profile: Profile,
    pub(crate) installer: Installer,
    /// How long an environment is kept that nobody uses.
    pub(crate) age: Duration,
}

impl Maker for UvMaker {
    type Installed = Installed;
    type Workers = (Pool, Installed);

    async fn install(
        &self,
        spec: &Spec,
        progress: &Progress,
    ) -> Result<(Installed, String), Error> {
        let began = Instant::now();
        let find = || Uv::find(&self.profile.launch.python);
        let installed = self.installer.install(spec, find, progress).await;
        let installed = installed.map_err(|err| sentence(&err))?;
        let python = installed.manifest.python.clone();
        let (key, took) = (spec.key(), began.elapsed());
        tracing::info!("environment {key}: Python {python}, ready after {took:.1?}");
        Ok((installed, python))
    }

    async fn start(
        &self,
        key: Key,
        installed: Installed,
    ) -> Result<(Arc<EnvironmentPool>, Self::Workers), Error> {
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
        Ok((Arc::new(pool), (workers, installed)))
    }

    async fn stop(&self, (workers, _installed): Self::Workers) {
        workers.stop().await;
    }

    /// Those in use are locked, and so they stay.
    fn remove_unused(&self, used: &[Key]) {
        let (store, age) = (self.installer.store.clone(), self.age);
        used.iter().for_each(|key| store.touch(*key));
        tokio::task::spawn_blocking(move || store.remove_unused(age));
    }
}
