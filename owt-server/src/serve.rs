//! A server's life: its socket, its workers, its front, and their end.

use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::process::{Resource, getrlimit, setrlimit};
use rustls::ServerConfig;

use crate::cache::Cache;
use crate::config::{Address, Config, cores};
use crate::dispatch::{Dispatchers, Limits};
use crate::environment::{self, Base, Installer, Store};
use crate::front::{
    AppState, Approval, Auth, Confirmations, ConnectionSettings, Connections, Drain, Front, Guard,
    Place, RequestCounters, RequestIds, RequestLimits, SignedUrls, StaticFiles, TlsError, TlsFiles,
    UrlKeyFileError, listen,
};
use crate::interpreter::{Interpreter, InterpreterError, Places};
use crate::memory_budget::MemoryBudget;
use crate::other_users::others_on_loopback;
use crate::package::RunDir;
use crate::pool::{self, Housekeeping, Launch, Pool, StartError};
use crate::router::{Environments, Keeper, Profile, Router};
use crate::stop::{Signals, stop};
use crate::watched_file::FileError;
use owt_common::wire::{MAX_CONNECTIONS, Settings};

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Anybody who reaches the address could run code.
    #[error("on {0}, anybody who can reach this machine could run code on it")]
    OpenToAll(Address),
    /// The socket cannot be had.
    #[error("cannot listen on {address}: {cause}")]
    Listen {
        /// The address that was asked for.
        address: Address,
        /// The system's reason.
        #[source]
        cause: io::Error,
    },
    /// The certificate or its key cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The keys of signed URLs cannot be used.
    #[error(transparent)]
    UrlKeys(#[from] UrlKeyFileError),
    /// A file of settings cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// The system does not show how much memory workers have.
    #[error("this system does not show how much memory workers have")]
    MemoryUnknown,
    /// The folder of static files cannot be served.
    #[error("cannot serve the files of {folder}: {cause}", folder = folder.display())]
    Static {
        /// The folder that was asked for.
        folder: PathBuf,
        /// The system's reason.
        #[source]
        cause: io::Error,
    },
    /// There is no Python to run adaptors with.
    #[error(transparent)]
    Interpreter(#[from] InterpreterError),
    /// The workers do not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// Something else of the system failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Runs a server until a signal ends it. `ready` is called once it answers, with its address.
///
/// # Errors
/// When it cannot start: each error is one sentence that says what to do.
pub fn serve(mut config: Config, ready: impl FnOnce(&Address)) -> Result<(), ServeError> {
    if config.recycling.limits_memory() && !pool::MEMORY_IS_KNOWN {
        return Err(ServeError::MemoryUnknown);
    }
    let wanted = config.wanted();
    let (listener, address, _place) =
        config.listen().map_err(|cause| ServeError::Listen { address: wanted, cause })?;
    if !address.ip().is_loopback() && config.is_anonymous() && !config.allow_anonymous {
        return Err(ServeError::OpenToAll(address));
    }
    if let (Address::Tcp(_), true, Some(others)) =
        (&address, config.is_anonymous(), others_on_loopback())
    {
        tracing::warn!(
            "{others} Whoever calls {address} runs code as you: see --socket and --token"
        );
    }
    let tls = config.tls.as_ref().map(TlsFiles::load).transpose()?;
    let opened = Opened::of(&config)?;
    allow_many_connections();
    actix_web::rt::System::new().block_on(async move {
        let mut signals = Signals::listen()?;
        let threads = front_threads();
        let run_dir = Arc::new(RunDir::create()?);
        let (launch, interpreter) = launch(&config, &run_dir, &address)?;
        let place = place(&launch);
        let state = Arc::new(app_state(&config, &run_dir, address.ip(), place, opened));
        let (pool_state, listeners) =
            pool::Shared::new(config.workers, threads, config.recycling.clone());
        let dispatchers = Dispatchers::new(pool_state.clone(), listeners, limits(&config));
        let housekeeping = Housekeeping::start(&pool_state, run_dir.clone());
        let pool = tokio::select! {
            started = Pool::start(launch.clone(), run_dir.clone(), pool_state.clone()) => started?,
            () = signals.next() => return Ok(()),
        };
        let profile =
            Profile { launch, run_dir, pool: pool_state, dispatchers: dispatchers.clone() };
        let (keeper, environments) = keeper(&config, interpreter, profile, threads)?;
        let keeper = keeper.start();
        let (for_front, executors) = (state.clone(), (dispatchers.clone(), environments.clone()));
        let settings = connection_settings(&config, tls, threads);
        let server = listen(listener, settings, move || Front {
            state: for_front.clone(),
            executor: Router::start(executors.0.start(), executors.1.clone()),
        })?;
        let handle = server.handle();
        let serving = actix_web::rt::spawn(server);
        warn_of_plain_http(&config, &address);
        ready(&address);
        tokio::select! {
            ended = serving => ended.map_err(io::Error::other)??,
            () = signals.next() => {
                let cancel_all =
                    async || dispatchers.cancel_all().await + environments.cancel_all().await;
                stop(signals, &state.drain, cancel_all, handle, config.grace).await;
            }
        }
        keeper.stop().await;
        pool.stop().await;
        housekeeping.stop().await;
        Ok(())
    })
}

/// What makes environments, and what the front shares with it.
fn keeper(
    config: &Config,
    interpreter: Interpreter,
    profile: Profile,
    threads: usize,
) -> Result<(Keeper, Arc<Environments>), ServeError> {
    let subreaper = profile.pool.subreaper.clone();
    let installer = Installer::new(Store::open()?, config.install_timeout, subreaper);
    let base = Arc::new(base(interpreter));
    let limits = (threads, config.environment_age);
    Ok(Keeper::new(profile, installer, base, config.dependencies, limits))
}

/// What is the same for all environments.
pub(crate) fn base(interpreter: Interpreter) -> Base {
    let Interpreter { executable, version, .. } = interpreter;
    Base { python: executable, version, settings: environment::settings() }
}

/// Says what cannot be promised to those who reach this server over a network.
fn warn_of_plain_http(config: &Config, address: &Address) {
    let is_local = address.ip().is_loopback() && config.allow_hosts.is_empty();
    if config.tls.is_none() && !is_local {
        tracing::warn!(
            "This is plain HTTP: on its way, anybody can read and change what is sent, passwords among \
             it, and browsers do not say which page makes a request. Use --tls-cert and --tls-key, \
             unless a proxy in front of this server adds TLS."
        );
    }
}

/// Raises the number of open files to what the system allows: each connection is one.
fn allow_many_connections() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(err) = setrlimit(Resource::Nofile, limit) {
        tracing::debug!("the limit on open files stays: {err}");
    }
}

/// Threads that move bytes between sockets. They never wait, so there is no use in more than cores.
fn front_threads() -> usize {
    cores().min(MAX_CONNECTIONS)
}

pub(crate) fn limits(config: &Config) -> Limits {
    let capacity = config.threads.saturating_add(config.queue);
    Limits { capacity, timeout: config.timeout, grace: config.grace }
}

fn connection_settings(
    config: &Config,
    tls: Option<ServerConfig>,
    threads: usize,
) -> ConnectionSettings {
    ConnectionSettings {
        tls,
        threads,
        max_connections: config.max_connections,
        max_streams: config.request_limits.streams,
        head_timeout: config.head_timeout,
        write_timeout: config.write_timeout,
        keep_alive: config.keep_alive,
        grace: config.grace,
    }
}

fn static_files(config: &Config) -> Result<Option<StaticFiles>, ServeError> {
    let open = |folder: &PathBuf| {
        StaticFiles::open(folder)
            .map_err(|cause| ServeError::Static { folder: folder.clone(), cause })
    };
    config.static_dir.as_ref().map(open).transpose()
}

/// The files that the options name, read or open.
struct Opened {
    auth: Auth,
    approval: Option<Approval>,
    signed_urls: SignedUrls,
    static_files: Option<StaticFiles>,
}

impl Opened {
    fn of(config: &Config) -> Result<Self, ServeError> {
        Ok(Self {
            auth: Auth::new(config.auth.clone(), config.auth_file.clone())?,
            approval: config.only_digests.clone().map(Approval::open).transpose()?,
            signed_urls: SignedUrls::open(config.url_keys.as_ref())?,
            static_files: static_files(config)?,
        })
    }
}

fn app_state(
    config: &Config,
    run_dir: &RunDir,
    ip: IpAddr,
    place: Place,
    opened: Opened,
) -> AppState {
    AppState {
        guard: Guard::new(
            ip,
            opened.auth,
            config.allow_origins.clone(),
            config.allow_hosts.clone(),
        ),
        confirmations: Confirmations::new(place, config.trust_links),
        signed_urls: opened.signed_urls,
        approval: opened.approval,
        limits: request_limits(config),
        max_body: config.max_body,
        memory_budget: MemoryBudget::new(config.max_buffered),
        uploads: run_dir.uploads().to_path_buf(),
        static_files: opened.static_files,
        access_log: config.access_log,
        cache: Cache::new(config.cache_size, config.cache_ttl),
        connections: Connections::new(config.max_connections, config.max_connections_per_address),
        head_timeout: config.head_timeout,
        body_timeout: config.body_timeout,
        request_ids: RequestIds::new(),
        counters: RequestCounters::default(),
        drain: Drain::default(),
    }
}

/// Where calls run, for those who are asked whether they are to.
fn place(launch: &Launch) -> Place {
    Place {
        python: launch.python.display().to_string(),
        folder: launch.settings.start_directory.clone(),
    }
}

/// The limits of this server's requests.
fn request_limits(config: &Config) -> RequestLimits {
    let limits = config.request_limits;
    RequestLimits { kwargs: limits.kwargs.filter(|_| config.takes_data_only()), ..limits }
}

/// What it takes to start workers.
pub(crate) fn launch(
    config: &Config,
    run_dir: &RunDir,
    address: &Address,
) -> Result<(Launch, Interpreter), ServeError> {
    let interpreter = Places::of_environment(config.python.clone())?.find()?;
    let Interpreter { executable, version, origin } = &interpreter;
    tracing::info!("Python {version} ({}, {origin})", executable.display());
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
    Ok((Launch { python: executable.clone(), settings }, interpreter))
}
