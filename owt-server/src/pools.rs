//! The pools that the options ask for: each with its Python, its profile, its limits, and what keeps its
//! environments; or with its members.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use owt_common::wire::Settings;

use crate::config::{Address, Config, Cuda, MemberSource, MembersConfig, PoolConfig, PoolName};
use crate::dispatch::{Dispatchers, Limits, Slots};
use crate::environment::{self, Base, Installer, Store};
use crate::gpu::{self, GpuError, Visible};
use crate::interpreter::{Interpreter, Places};
use crate::members::{self, Members, MembersAccess, MembersPool, RayLaunch};
use crate::package::RunDir;
use crate::pool::{self, Launch, Profile, Recycling};
use crate::router::{self, AnyPool, Keeper, RunningPool, UvMaker};
use crate::serve_error::ServeError;
use crate::sources::Sources;

/// All pools of a server that runs, the default one first.
pub(crate) struct Pools {
    pub(crate) named: Vec<AnyPool>,
    pub(crate) sources: Arc<Sources>,
    running: Vec<RunningPool>,
    members: Vec<members::Keeper>,
}

/// The pools of a server that is to start.
pub(crate) struct Prepared {
    pools: Vec<PreparedPool>,
    sources: Arc<Sources>,
    /// Of the first pool that has workers of its own, if any has.
    pub(crate) own: Option<(Launch, Arc<pool::Shared>)>,
}

enum PreparedPool {
    Workers(Box<Keeper>, Arc<router::Environments>),
    Members(Arc<MembersPool>, Members),
}

impl Prepared {
    /// # Errors
    /// When a pool asks for what is not there.
    pub(crate) fn new(
        config: &Config,
        run_dir: &Arc<RunDir>,
        address: &Address,
        threads: usize,
    ) -> Result<Self, ServeError> {
        let sources = Arc::<Sources>::default();
        let mut made = Vec::new();
        let mut first: Option<(Launch, Arc<pool::Shared>)> = None;
        for part in parts(config, run_dir, address)? {
            let Part { launch, interpreter, profile, limits } = match part {
                AnyPart::Workers(part) => *part,
                AnyPart::Members(of) => {
                    let (pool, members) = members_pool(config, *of, run_dir, sources.clone())?;
                    made.push(Made::Members(pool, members));
                    continue;
                }
            };
            let profile = Arc::new(profile);
            let (state, listeners) = match &first {
                None => pool::Shared::new(profile, threads),
                Some((_, state)) => {
                    let prefix = format!("{}/", profile.name);
                    state.beside(profile, prefix)
                }
            };
            first.get_or_insert_with(|| (launch.clone(), state.clone()));
            let dispatchers = Dispatchers::new(state.clone(), listeners, limits, sources.clone());
            let run_dir = run_dir.clone();
            let profile = router::Profile { launch, run_dir, pool: state, dispatchers };
            made.push(Made::Workers(Box::new(profile), Arc::new(base(interpreter))));
        }
        // They wait for one another, whichever pool they are for.
        let installer = match &first {
            Some((_, state)) => {
                let subreaper = state.subreaper.clone();
                Some(Installer::new(Store::open()?, config.install_timeout, subreaper))
            }
            None => None,
        };
        let pools = made.into_iter().map(|made| match made {
            Made::Members(pool, members) => PreparedPool::Members(pool, members),
            Made::Workers(profile, base) => {
                let installer = installer.clone().expect("a pool has workers");
                let maker = UvMaker { profile: *profile, installer, age: config.environment_age };
                let (keeper, of) = Keeper::new(maker, config.dependencies, base, threads);
                PreparedPool::Workers(Box::new(keeper), of)
            }
        });
        Ok(Self { pools: pools.collect(), sources, own: first })
    }

    /// Starts all workers at once.
    ///
    /// # Errors
    /// When one of them does not start.
    pub(crate) async fn start(self) -> Result<Pools, ServeError> {
        let starting = self.pools.into_iter().map(async |pool| match pool {
            PreparedPool::Workers(keeper, of) => {
                let (running, named) = RunningPool::start(*keeper, of).await?;
                Ok::<_, ServeError>((named, Some(running), None))
            }
            PreparedPool::Members(pool, members) => {
                let keeper = members::Keeper::start(pool.clone(), members).await;
                Ok((AnyPool::Members(pool), None, Some(keeper)))
            }
        });
        let started = futures_util::future::try_join_all(starting).await?;
        let sources = self.sources;
        let mut pools =
            Pools { named: Vec::new(), sources, running: Vec::new(), members: Vec::new() };
        for (named, running, members) in started {
            pools.named.push(named);
            pools.running.extend(running);
            pools.members.extend(members);
        }
        Ok(pools)
    }
}

impl Pools {
    /// Interrupts all calls, because the server stops; how many there were.
    pub(crate) async fn cancel_all(&self) -> usize {
        let mut cancelled = 0;
        for pool in &self.named {
            cancelled += pool.cancel_all().await;
        }
        cancelled
    }

    /// Stops all workers. Calls that still run fail.
    pub(crate) async fn stop(self) {
        futures_util::future::join_all(self.members.into_iter().map(members::Keeper::stop)).await;
        futures_util::future::join_all(self.running.into_iter().map(RunningPool::stop)).await;
    }
}

/// A pool whose environments nobody keeps yet.
enum Made {
    Workers(Box<router::Profile>, Arc<Base>),
    Members(Arc<MembersPool>, Members),
}

/// What a pool is made of, whatever runs its calls.
enum AnyPart {
    Workers(Box<Part>),
    Members(Box<OfMembers>),
}

/// What a pool of other owts is made of.
struct OfMembers {
    name: PoolName,
    members: MembersConfig,
    replicas: usize,
    /// That of the program which Ray's members are asked for by.
    interpreter: Option<Interpreter>,
}

fn members_pool(
    config: &Config,
    OfMembers { name, members, replicas, interpreter }: OfMembers,
    run_dir: &RunDir,
    sources: Arc<Sources>,
) -> Result<(Arc<MembersPool>, Members), ServeError> {
    let own = || MembersAccess::new(&members).map_err(|err| in_pool(&name, err.into()));
    let (access, members) = match (&members.source, interpreter) {
        (MemberSource::Urls(urls), _) => (own()?, Members::Urls(urls.clone())),
        (MemberSource::Dns(url), _) => (own()?, Members::Dns(url.clone())),
        (MemberSource::Ray(_), None) => unreachable!("it is looked for with the options"),
        (MemberSource::Ray(ray), Some(interpreter)) => {
            let (python, package) = (interpreter.executable, run_dir.package().to_path_buf());
            let (launch, access) = RayLaunch::new(ray.clone(), python, package)?;
            (access, Members::Ray(Box::new(launch)))
        }
    };
    let limits = members::Limits {
        timeout: config.timeout,
        replicas,
        takes_data_only: config.takes_data_only(),
    };
    Ok((MembersPool::new(name.as_str().into(), access, limits, sources), members))
}

fn in_pool(name: &PoolName, cause: ServeError) -> ServeError {
    ServeError::Pool { name: name.clone(), cause: Box::new(cause) }
}

/// What a pool with workers of its own is made of.
struct Part {
    launch: Launch,
    interpreter: Interpreter,
    profile: Profile,
    limits: Limits,
}

/// What each pool is made of, the default one first.
fn parts(config: &Config, run_dir: &RunDir, address: &Address) -> Result<Vec<AnyPart>, ServeError> {
    let (visible, mut interpreters) = (visible(config), Interpreters::default());
    let parts = with_default(config)?.into_iter().map(|pool| {
        if let Some(members) = pool.members.clone() {
            let interpreter = match &members.source {
                MemberSource::Ray(_) => Some(interpreters.of(config.python.as_ref())?),
                MemberSource::Urls(_) | MemberSource::Dns(_) => None,
            };
            let (name, replicas) = (pool.name, pool.replicas.unwrap_or(1));
            let of = OfMembers { name, members, replicas, interpreter };
            return Ok(AnyPart::Members(Box::new(of)));
        }
        let interpreter = match &pool.python {
            None => interpreters.of(config.python.as_ref())?,
            python => interpreters.of(python.as_ref()).map_err(|err| in_pool(&pool.name, err))?,
        };
        let mut launch = launch(config, &interpreter, run_dir, address)?;
        launch.settings.threads = pool.threads.unwrap_or(config.threads);
        let profile =
            profile(config, &pool, &visible).map_err(|err| in_pool(&pool.name, err.into()))?;
        let part = Part { launch, interpreter, profile, limits: limits_of(config, &pool) };
        Ok(AnyPart::Workers(Box::new(part)))
    });
    parts.collect()
}

/// The pools, the default one first.
fn with_default(config: &Config) -> Result<Vec<PoolConfig>, ServeError> {
    let mut all: BTreeMap<&PoolName, &PoolConfig> = BTreeMap::new();
    for pool in &config.pools {
        if all.insert(&pool.name, pool).is_some() {
            return Err(ServeError::PoolTwice(pool.name.clone()));
        }
    }
    let default = all.remove(&PoolName::default()).cloned().unwrap_or_default();
    // In the order in which they were named.
    let others = config.pools.iter().filter(|pool| !pool.name.is_default()).cloned();
    Ok([default].into_iter().chain(others).collect())
}

/// The GPUs, if any pool asks for some: that takes a while.
fn visible(config: &Config) -> Visible {
    let asks = config.pools.iter().any(|pool| matches!(pool.cuda, Cuda::Each | Cuda::These(_)));
    Visible::of_process(if asks { gpu::installed() } else { Vec::new() })
}

fn profile(config: &Config, pool: &PoolConfig, visible: &Visible) -> Result<Profile, GpuError> {
    let each = if pool.cuda == Cuda::Each { Some(visible.count().max(1)) } else { None };
    let workers = pool.workers.or(each).unwrap_or(config.workers);
    let (gpus, is_absent) = visible.mask(&pool.cuda, workers)?;
    if is_absent {
        tracing::warn!("the pool {} asks for a GPU, and there is none", pool.name.as_str());
    }
    let own = &config.recycling;
    Ok(Profile {
        name: pool.name.as_str().into(),
        workers,
        recycling: Recycling {
            max_age: pool.max_age.or(own.max_age),
            max_calls: pool.max_calls.or(own.max_calls),
            max_rss: pool.max_rss.or(own.max_rss),
            // Twice that, as without a pool.
            kill_rss: pool.max_rss.map(|size| size.saturating_mul(2)).or(own.kill_rss),
            ..own.clone()
        },
        variables: pool.variables.clone(),
        gpus,
        nice: pool.nice,
        idle: pool.idle,
    })
}

/// The limits of the calls of the default pool, where nothing else is said of it.
pub(crate) fn limits(config: &Config) -> Limits {
    limits_of(config, &PoolConfig::default())
}

fn limits_of(config: &Config, pool: &PoolConfig) -> Limits {
    let threads = pool.threads.unwrap_or(config.threads);
    Limits {
        capacity: threads.saturating_add(pool.queue.unwrap_or(config.queue)),
        timeout: config.timeout,
        grace: config.grace,
        replicas: pool.replicas.unwrap_or(1),
        slots: pool.slots.map(Slots::new),
    }
}

/// The interpreters that pools have asked for, each looked for once.
#[derive(Default)]
struct Interpreters(BTreeMap<Option<PathBuf>, Interpreter>);

impl Interpreters {
    fn of(&mut self, python: Option<&PathBuf>) -> Result<Interpreter, ServeError> {
        if let Some(found) = self.0.get(&python.cloned()) {
            return Ok(found.clone());
        }
        let found = Places::of_environment(python.cloned())?.find()?;
        let Interpreter { executable, version, origin } = &found;
        tracing::info!("Python {version} ({}, {origin})", executable.display());
        self.0.insert(python.cloned(), found.clone());
        Ok(found)
    }
}

/// What is the same for all environments of a pool.
pub(crate) fn base(interpreter: Interpreter) -> Base {
    let Interpreter { executable, version, .. } = interpreter;
    Base { python: executable, version, settings: environment::settings() }
}

/// What it takes to start workers with an interpreter.
pub(crate) fn launch(
    config: &Config,
    interpreter: &Interpreter,
    run_dir: &RunDir,
    address: &Address,
) -> io::Result<Launch> {
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let settings = Settings {
        package: text(run_dir.package()),
        start_directory: text(&std::env::current_dir()?),
        adaptors_dir: text(&run_dir.adaptors()),
        private_dirs: vec![run_dir.path().to_path_buf(), run_dir.uploads().to_path_buf()],
        exe: text(&std::env::current_exe()?),
        address: match address {
            Address::Tcp(address) => address.ip().to_string(),
            Address::Socket(path) => text(path),
        },
        port: address.port(),
        threads: config.threads,
        connections: 0, // The pool knows.
        max_adaptors: config.max_adaptors,
        no_eval: config.takes_data_only(),
        log_tracebacks: config.log_tracebacks,
        args: config.to_args(address).to_string(),
    };
    Ok(Launch { python: interpreter.executable.clone(), settings })
}
