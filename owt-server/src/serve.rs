//! A server's life: its socket, its workers, its front, and their end.

use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::process::{Resource, getrlimit, setrlimit};
use rustls::ServerConfig;

use crate::cache::Cache;
use crate::config::{Address, Config, MAX_HTTP_THREADS};
use crate::front::{
    AppState, Approval, Auth, Confirmations, ConnectionSettings, Connections, Drain, Front, Guard,
    Jobs, Place, RequestCounters, RequestIds, RequestLimits, Routes, SignedUrls, StaticFiles,
    TlsFiles, listen,
};
use crate::memory_budget::MemoryBudget;
use crate::other_users::others_on_loopback;
use crate::package::RunDir;
use crate::pool::{self, Housekeeping, Launch};
use crate::pools::Prepared;
use crate::router::Router;
use crate::serve_error::ServeError;
use crate::stop::{Signals, stop};
use crate::waiting::Waiting;

/// Runs a server until a signal ends it. `ready` is called once it answers, with its address.
///
/// # Errors
/// When it cannot start: each error is one sentence that says what to do.
pub fn serve(mut config: Config, ready: impl FnOnce(&Address)) -> Result<(), ServeError> {
    if config.limits_memory() && !pool::MEMORY_IS_KNOWN {
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
        let threads = config.http_threads.clamp(1, MAX_HTTP_THREADS);
        let run_dir = Arc::new(RunDir::create()?);
        let prepared = Prepared::new(&config, &run_dir, &address, threads)?;
        let place = place(prepared.own.as_ref().map(|(launch, _)| launch));
        let state = Arc::new(app_state(&config, &run_dir, address.ip(), place, opened));
        let pool = prepared.own.as_ref().map(|(_, pool)| pool);
        let housekeeping = Housekeeping::start(pool, run_dir.clone());
        let pools = tokio::select! {
            started = prepared.start() => started?,
            () = signals.next() => return Ok(()),
        };
        let for_front = state.clone();
        let (named, sources) = (pools.named.clone(), pools.sources.clone());
        let settings = connection_settings(&config, tls, threads);
        let is_checked = Arc::new(AtomicBool::new(false));
        let server = listen(listener, settings, move || {
            let executor = Router::start(named.clone(), sources.clone());
            let front = Front::new(for_front.clone(), executor);
            // By the first of the threads.
            if !is_checked.swap(true, Ordering::Relaxed) {
                actix_web::rt::spawn(front.clone().check_endpoints());
            }
            front
        })?;
        let handle = server.handle();
        let serving = actix_web::rt::spawn(server);
        warn_of_plain_http(&config, &address);
        ready(&address);
        tokio::select! {
            ended = serving => ended.map_err(io::Error::other)??,
            () = signals.next() => {
                let cancel_all = async || pools.cancel_all().await;
                stop(signals, &state.drain, cancel_all, handle, config.grace).await;
            }
        }
        pools.stop().await;
        housekeeping.stop().await;
        Ok(())
    })
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
    routes: Routes,
}

impl Opened {
    fn of(config: &Config) -> Result<Self, ServeError> {
        Ok(Self {
            auth: Auth::new(config.auth.clone(), config.auth_file.clone())?,
            approval: config.only_digests.clone().map(Approval::open).transpose()?,
            signed_urls: SignedUrls::open(config.url_keys.as_ref())?,
            static_files: static_files(config)?,
            routes: Routes::open(&config.routes, config.only_routes, config.reload)?,
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
        routes: opened.routes,
        limits: request_limits(config),
        takes_data_only: config.takes_data_only(),
        max_body: config.max_body,
        memory_budget: MemoryBudget::new(config.max_buffered),
        uploads: run_dir.uploads().to_path_buf(),
        static_files: opened.static_files,
        has_page: config.page,
        takes_code_from_agents: config.mcp_code,
        running_tools: Arc::default(),
        access_log: config.access_log,
        cache: Cache::new(config.cache_size, config.cache_ttl),
        joined: Waiting::default(),
        jobs: Jobs::new(config.jobs),
        connections: Connections::new(config.max_connections, config.max_connections_per_address),
        head_timeout: config.head_timeout,
        body_timeout: config.body_timeout,
        write_timeout: config.write_timeout,
        request_ids: RequestIds::new(),
        counters: RequestCounters::default(),
        drain: Drain::default(),
    }
}

/// Where calls run, for those who are asked whether they are to.
fn place(launch: Option<&Launch>) -> Place {
    launch.map_or_else(Place::default, |launch| Place {
        python: launch.python.display().to_string(),
        folder: launch.settings.start_directory.clone(),
    })
}

/// The limits of this server's requests.
fn request_limits(config: &Config) -> RequestLimits {
    let limits = config.request_limits;
    RequestLimits { kwargs: limits.kwargs.filter(|_| config.takes_data_only()), ..limits }
}
