//! What a server is told when it starts.

mod members;
mod pool;
mod ray;

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;

use crate::front::{
    AllowedOrigin, Credential, JobLimits, Listener, RequestLimits, RouteConfig, TlsFiles,
    UrlKeySource,
};
use crate::pool::Recycling;
use crate::unix_socket::{self, SocketPath};

pub use members::{MemberSource, MemberUrl, MembersConfig, NotAMember, SecretSource};
pub use pool::{Cuda, NotAPoolName, PoolConfig, PoolName};
pub use ray::RayConfig;

/// The most threads that move bytes between clients and workers: each has a socket to each worker.
pub const MAX_HTTP_THREADS: usize = owt_common::wire::MAX_CONNECTIONS;

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// An address and a port.
    Tcp(SocketAddr),
    /// The path of a Unix socket, to which nobody but its owner can connect.
    Socket(PathBuf),
}

impl Address {
    /// The address as the rules for web pages see it. No page can reach a Unix socket but through a proxy
    /// on this machine, such as that of `ssh -L`.
    pub(crate) fn ip(&self) -> IpAddr {
        match self {
            Self::Tcp(address) => address.ip(),
            Self::Socket(_) => Ipv4Addr::LOCALHOST.into(),
        }
    }

    /// The port; 0 where there is none.
    pub(crate) fn port(&self) -> u16 {
        match self {
            Self::Tcp(address) => address.port(),
            Self::Socket(_) => 0,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Socket(path) => path.display().fmt(f),
        }
    }
}

/// What becomes of the packages that an adaptor's metadata block names.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantNames,
)]
#[strum(serialize_all = "lowercase")]
pub enum Dependencies {
    /// They are installed into an environment of their own.
    #[default]
    On,
    /// They are installed if a lock comes with the adaptor, and the call is refused otherwise.
    Locked,
    /// The block is ignored: adaptors have what is installed in the server's own environment.
    Off,
}

/// What adaptors see in `owt.args` where there is a secret. `owt.main()` starts no server with it.
const HIDDEN: &str = "hidden";

/// The settings of one server.
#[derive(Debug)]
pub struct Config {
    /// The address to listen on.
    pub address: IpAddr,
    /// The port to listen on; 0 takes any that is free.
    pub port: u16,
    /// A socket that listens already, instead of `address` and `port`.
    pub listener: Option<TcpListener>,
    /// The path of a Unix socket to listen on instead. Nobody but its owner can connect to it.
    pub socket: Option<PathBuf>,
    /// Where the certificate for HTTPS is; without it, the server speaks plain HTTP.
    pub tls: Option<TlsFiles>,
    /// Who may call. Empty, and without `auth_file`: everyone who reaches the server.
    pub auth: Vec<Credential>,
    /// A file that lists who else may call, a credential a line. It is read again when it changes.
    pub auth_file: Option<PathBuf>,
    /// Whether a server without `auth` may listen beyond loopback.
    pub allow_anonymous: bool,
    /// The keys of signed URLs, which may be called without credentials.
    pub url_keys: Option<UrlKeySource>,
    /// Web origins whose pages may call.
    pub allow_origins: Vec<AllowedOrigin>,
    /// Host names that this server answers to, besides its own.
    pub allow_hosts: Vec<String>,
    /// Whether a link runs what it brings, though it was never run before and nobody confirms it.
    pub trust_links: bool,
    /// The interpreter, or the folder of a virtualenv, that workers use.
    pub python: Option<PathBuf>,
    /// What becomes of the packages that an adaptor's metadata block names.
    pub dependencies: Dependencies,
    /// How long installing them may take.
    pub install_timeout: Duration,
    /// After how long an environment that nobody has used is removed.
    pub environment_age: Duration,
    /// How many worker processes run.
    pub workers: usize,
    /// How many calls of one adaptor run at a time in one worker, `async` ones not counted.
    pub threads: usize,
    /// When workers are replaced though nothing has happened to them.
    pub recycling: Recycling,
    /// Pools beside the default one, and what the default one has of its own.
    pub pools: Vec<PoolConfig>,
    /// Paths that are bound to functions of files.
    pub routes: Vec<RouteConfig>,
    /// Whether no other code runs, and arguments are data only.
    pub only_routes: bool,
    /// Whether the files of routes are read again when they change.
    pub reload: bool,
    /// How long a call may run.
    pub timeout: Option<Duration>,
    /// How many adaptors one worker keeps loaded.
    pub max_adaptors: usize,
    /// The most bytes of a request's body.
    pub max_body: u64,
    /// How many bytes the bodies of all requests may hold in memory together.
    pub max_buffered: u64,
    /// How many threads move bytes between clients and workers, from 1 to [`MAX_HTTP_THREADS`].
    pub http_threads: usize,
    /// How many connections there may be; those beyond it wait until another one closes. Rounded up
    /// to a multiple of `http_threads`.
    pub max_connections: usize,
    /// How many of them may come from one address. `None`: a thousand, and any number from this machine.
    pub max_connections_per_address: Option<usize>,
    /// How large requests may be, besides their bodies.
    pub request_limits: RequestLimits,
    /// How long a client may take to send the head of a request.
    pub head_timeout: Duration,
    /// How long a body may stand still while it is being read.
    pub body_timeout: Duration,
    /// How long a client may take to read on in an answer before it counts as gone.
    pub write_timeout: Duration,
    /// How long a connection without a request stays open.
    pub keep_alive: Duration,
    /// The most bytes of results that are kept for calls with `use_cache`.
    pub cache_size: usize,
    /// How long a result is kept; `None` for as long as there is room.
    pub cache_ttl: Option<Duration>,
    /// How many jobs there may be, and what is kept of them.
    pub jobs: JobLimits,
    /// How many calls of one adaptor may wait for its worker, besides those that run.
    pub queue: usize,
    /// How long running calls may take to finish when the server stops, and calls that were cancelled
    /// to end before their worker is killed.
    pub grace: Duration,
    /// Whether arguments are data only: JSON or Python literals, never evaluated.
    pub no_eval: bool,
    /// A file that lists what code may run, a digest a line; other code is refused. It is read again when
    /// it changes, and arguments are data only.
    pub only_digests: Option<PathBuf>,
    /// A folder whose files are served beside calls.
    pub static_dir: Option<PathBuf>,
    /// Whether a browser that opens the server gets a page in which code is written and run.
    pub page: bool,
    /// Whether agents find tools that run code of theirs, and not named endpoints alone.
    pub mcp_code: bool,
    /// Whether each call is a line in the log.
    pub access_log: bool,
    /// Whether the log shows tracebacks, which may quote code and arguments.
    pub log_tracebacks: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            address: IpAddr::from([127, 0, 0, 1]),
            port: 9876,
            listener: None,
            socket: None,
            tls: None,
            auth: Vec::new(),
            auth_file: None,
            allow_anonymous: false,
            url_keys: None,
            allow_origins: Vec::new(),
            allow_hosts: Vec::new(),
            trust_links: false,
            python: None,
            dependencies: Dependencies::default(),
            install_timeout: Duration::from_secs(600),
            environment_age: Duration::from_secs(30 * 24 * 60 * 60),
            workers: default_workers(),
            threads: 64,
            recycling: Recycling::default(),
            pools: Vec::new(),
            routes: Vec::new(),
            only_routes: false,
            reload: true,
            timeout: None,
            max_adaptors: 128,
            max_body: 4 << 30,
            max_buffered: 1 << 30,
            http_threads: http_threads_for(cores()),
            max_connections: 10_000,
            max_connections_per_address: None,
            request_limits: RequestLimits::default(),
            head_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(60),
            keep_alive: Duration::from_secs(75),
            cache_size: 128 << 20,
            cache_ttl: None,
            jobs: JobLimits::default(),
            queue: 1024,
            grace: Duration::from_secs(5),
            no_eval: false,
            only_digests: None,
            static_dir: None,
            page: true,
            mcp_code: true,
            access_log: false,
            log_tracebacks: false,
        }
    }
}

/// One worker for each core, but no more than four: each holds its own copy of what adaptors load.
fn default_workers() -> usize {
    cores().min(4)
}

/// One for every two cores: workers need the rest. Of fewer threads, each has more calls at a time, and wakes
/// a worker once for all of them.
fn http_threads_for(cores: usize) -> usize {
    cores.div_ceil(2).min(MAX_HTTP_THREADS)
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

fn hidden(is_there: bool) -> Option<&'static str> {
    is_there.then_some(HIDDEN)
}

impl Config {
    /// Whether everybody who reaches the server may call.
    pub(crate) fn is_anonymous(&self) -> bool {
        self.auth.is_empty() && self.auth_file.is_none()
    }

    /// Whether arguments are never evaluated: an expression is code that nobody has approved.
    pub(crate) fn takes_data_only(&self) -> bool {
        self.no_eval || self.only_digests.is_some() || self.only_routes
    }

    /// Whether workers have a limit of memory, in any pool.
    pub(crate) fn limits_memory(&self) -> bool {
        self.recycling.limits_memory() || self.pools.iter().any(|pool| pool.max_rss.is_some())
    }

    /// Where this server is told to listen.
    pub(crate) fn wanted(&self) -> Address {
        match &self.socket {
            Some(path) => Address::Socket(path.clone()),
            None => Address::Tcp(SocketAddr::new(self.address, self.port)),
        }
    }

    /// Listens there, or where `listener` does, and says where that is.
    pub(crate) fn listen(&mut self) -> io::Result<(Listener, Address, Option<SocketPath>)> {
        let listener = match (self.listener.take(), &self.socket) {
            (Some(listener), _) => listener,
            (None, None) => TcpListener::bind(SocketAddr::new(self.address, self.port))?,
            (None, Some(path)) => {
                let (listener, place) = unix_socket::bind(path)?;
                return Ok((Listener::Unix(listener), self.wanted(), Some(place)));
            }
        };
        let address = Address::Tcp(listener.local_addr()?);
        Ok((Listener::Tcp(listener), address, None))
    }

    /// The arguments as adaptors see them in `owt.args`, by the names of the command line.
    pub(crate) fn to_args(&self, bound: &Address) -> serde_json::Value {
        let mut args = json!({
            "address": bound.ip().to_string(),
            "port": bound.port(),
            "socket": self.socket,
            "tls_cert": self.tls.as_ref().map(|files| &files.cert),
            "tls_key": self.tls.as_ref().map(|files| &files.key),
            // Never the keys: with these, an adaptor could sign URLs of any code.
            "url_key": null,
            "auth": hidden(self.auth.iter().any(Credential::is_user)),
            "auth_file": self.auth_file,
            "token": hidden(!self.auth.iter().all(Credential::is_user)),
            "allow_anonymous": self.allow_anonymous,
            "allow_origin": self.allow_origins.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "allow_host": self.allow_hosts,
            "trust_links": self.trust_links,
            "python": self.python,
            "dependencies": <&str>::from(self.dependencies),
            "install_timeout": self.install_timeout.as_secs_f64(),
            "environment_age": self.environment_age.as_secs_f64(),
            "workers": self.workers,
            "threads": self.threads,
            "worker_max_age": self.recycling.max_age.map(|age| age.as_secs_f64()),
            "worker_max_calls": self.recycling.max_calls,
            "worker_max_rss": self.recycling.max_rss,
            "worker_kill_rss": self.recycling.kill_rss,
            "worker_drain": self.recycling.drain.as_secs_f64(),
            "max_abandoned": self.recycling.max_abandoned,
            "route": self.routes.iter().map(|route| &route.text).collect::<Vec<_>>(),
            "only_routes": self.only_routes,
            "no_reload": !self.reload,
            "pool": self.pools.iter().map(|pool| &pool.text).collect::<Vec<_>>(),
            "timeout": self.timeout.map(|limit| limit.as_secs_f64()),
            "max_adaptors": self.max_adaptors,
            "max_body": self.max_body,
            "max_buffered": self.max_buffered,
            "http_threads": self.http_threads,
            "max_connections": self.max_connections,
            "max_connections_per_address": self.max_connections_per_address,
            "head_timeout": self.head_timeout.as_secs_f64(),
            "body_timeout": self.body_timeout.as_secs_f64(),
            "write_timeout": self.write_timeout.as_secs_f64(),
            "keep_alive": self.keep_alive.as_secs_f64(),
            "cache_size": self.cache_size,
            "cache_ttl": self.cache_ttl.map(|ttl| ttl.as_secs_f64()),
            "max_jobs": self.jobs.count,
            "job_size": self.jobs.bytes,
            "job_age": self.jobs.age.as_secs_f64(),
            "queue": self.queue,
            "grace": self.grace.as_secs_f64(),
            "no_eval": self.takes_data_only(),
            "only_digests": self.only_digests,
            "static": self.static_dir,
            "no_page": !self.page,
            "no_mcp_code": !self.mcp_code,
            "access_log": self.access_log,
            "log_tracebacks": self.log_tracebacks,
        });
        for (name, limit) in self.request_limits.to_args() {
            args[name] = limit;
        }
        args
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(1, 1)]
    #[case(2, 1)]
    #[case(3, 2)]
    #[case(8, 4)]
    #[case(1000, MAX_HTTP_THREADS)]
    fn one_thread_for_two_cores_takes_requests(#[case] cores: usize, #[case] expected: usize) {
        assert_eq!(http_threads_for(cores), expected);
    }
}
