//! The options of the server.

use std::io::IsTerminal as _;
use std::net::{IpAddr, TcpListener};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::builder::{FalseyValueParser, PossibleValuesParser, TypedValueParser};
use owt_server::{
    AllowedOrigin, Config, Credentials, JobLimits, MAX_HTTP_THREADS, PoolConfig, Recycling,
    RouteConfig, TlsFiles, Token,
};
use tracing::level_filters::LevelFilter;

use super::limits::LimitArgs;
use super::token::TokenOption;
use super::{pool, route};
use crate::args::{DEFAULTS, DependencyArgs, UrlKeyArgs, value};
use crate::ui::CliError;

const EXAMPLES: &str = "\
Examples:
  owt serve --port 0                           take any free port, and say which
  owt serve --address 0.0.0.0 --auth \"$(owt hash me)\"
                                               serve the network, to one user
  owt serve --python .venv                     use this virtualenv
  owt serve --allow-origin http://localhost:3000
                                               let pages of a web app call";

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

const WORKERS: &str = "Replacing workers";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ServeArgs {
    /// Read settings from this file instead of owt.toml in the start directory
    ///
    /// It has options under their own names, such as `port = 9000`, and a table `[pool.NAME]` for each
    /// pool. Options win over OWT_* variables, and these over the file.
    #[arg(long, value_name = "FILE", env = "OWT_CONFIG")]
    config: Option<PathBuf>,

    /// The address to listen on
    ///
    /// Beyond loopback, --auth or --allow-anonymous has to say who may call.
    #[arg(long, value_name = "ADDRESS", env = "OWT_ADDRESS", default_value_t = DEFAULTS.address)]
    address: IpAddr,

    /// The port to listen on; 0 takes any that is free
    #[arg(long, value_name = "PORT", env = "OWT_PORT", default_value_t = DEFAULTS.port)]
    port: u16,

    /// Listen on a Unix socket instead, to which no other user of this machine can connect
    ///
    /// The socket of a server that has ended there is replaced. Call it with `owt call --socket`, or
    /// `curl --unix-socket PATH http://localhost/`.
    #[arg(long, value_name = "PATH", env = "OWT_SOCKET")]
    #[arg(conflicts_with_all = ["address", "port", "tls_cert"])]
    socket: Option<PathBuf>,

    /// Serve HTTPS with this certificate, a PEM file with its whole chain
    #[arg(long, value_name = "FILE", env = "OWT_TLS_CERT", help_heading = "Access")]
    #[arg(requires = "tls_key")]
    tls_cert: Option<PathBuf>,

    /// The private key of that certificate, a PEM file
    #[arg(long, value_name = "FILE", env = "OWT_TLS_KEY", help_heading = "Access")]
    #[arg(requires = "tls_cert")]
    tls_key: Option<PathBuf>,

    /// Let this user call; repeatable, and `owt hash` makes the value
    ///
    /// All users of this machine can read command lines: OWT_AUTH or --auth-file shows them nothing.
    #[arg(long, value_name = "USER:HASH", env = "OWT_AUTH", help_heading = "Access")]
    #[arg(hide_env_values = true)]
    auth: Vec<Credentials>,

    /// Let the users call that this file lists, one a line as --auth takes them
    ///
    /// It is read again when it changes. A line `:HASH`, as `owt hash --token` makes it, is a token.
    #[arg(long, value_name = "FILE", env = "OWT_AUTH_FILE", help_heading = "Access")]
    auth_file: Option<PathBuf>,

    /// Let programs call that send this as `Authorization: Bearer TOKEN`; auto makes one and prints it
    ///
    /// All users of this machine can read command lines: give a token of your own in OWT_TOKEN.
    #[arg(long, value_name = "TOKEN|auto", env = "OWT_TOKEN", help_heading = "Access")]
    #[arg(hide_env_values = true)]
    token: Option<TokenOption>,

    #[command(flatten)]
    url_key: UrlKeyArgs,

    /// Let everybody who reaches the server run code
    #[arg(long, env = "OWT_ALLOW_ANONYMOUS", help_heading = "Access")]
    #[arg(value_parser = FalseyValueParser::new())]
    allow_anonymous: bool,

    /// Let web pages of this origin call; repeatable
    #[arg(long, value_name = "ORIGIN", env = "OWT_ALLOW_ORIGIN", help_heading = "Access")]
    #[arg(value_delimiter = ',')]
    allow_origin: Vec<AllowedOrigin>,

    /// Answer to this host name as well; repeatable
    #[arg(long, value_name = "NAME", env = "OWT_ALLOW_HOST", help_heading = "Access")]
    #[arg(value_delimiter = ',')]
    allow_host: Vec<String>,

    /// Run what a link brings without asking the person who opens it
    ///
    /// By default, a browser that opens a call which this server has not run before gets a page that
    /// shows the code and asks. With this option, any web page can have a browser run code here.
    #[arg(long, env = "OWT_TRUST_LINKS", help_heading = "Access")]
    #[arg(value_parser = FalseyValueParser::new())]
    trust_links: bool,

    /// Take arguments as data only: JSON or Python literals, never evaluated
    #[arg(long, env = "OWT_NO_EVAL", help_heading = "Access")]
    #[arg(value_parser = FalseyValueParser::new())]
    no_eval: bool,

    /// Run no code but that whose digest is in this file, one a line; `owt approve` adds them
    ///
    /// It is read again when it changes. Arguments are data only, as with --no-eval.
    #[arg(long, value_name = "FILE", env = "OWT_ONLY_DIGESTS", help_heading = "Access")]
    only_digests: Option<PathBuf>,

    /// The interpreter, or the folder of a virtualenv, instead of the active one
    #[arg(long, value_name = "PATH", env = "OWT_PYTHON", help_heading = "Python")]
    python: Option<PathBuf>,

    #[command(flatten)]
    installing: DependencyArgs,

    /// After so many seconds, remove an environment that nobody has used
    #[arg(long, value_name = "SECONDS", env = "OWT_ENVIRONMENT_AGE", help_heading = "Python")]
    #[arg(default_value = value::shown_seconds(DEFAULTS.environment_age), value_parser = value::seconds)]
    environment_age: Duration,

    /// How many worker processes run
    ///
    /// The default is one a core, and no more than four: each has its own copy of what is loaded.
    #[arg(long, value_name = "N", env = "OWT_WORKERS", help_heading = "Python")]
    #[arg(default_value_t = DEFAULTS.workers, value_parser = at_least_one())]
    workers: usize,

    /// How many calls of one adaptor run at a time in one worker
    ///
    /// When these are all in use, a seventh more may run for other adaptors; below 7, none.
    #[arg(long, value_name = "N", env = "OWT_THREADS", help_heading = "Python")]
    #[arg(default_value_t = DEFAULTS.threads, value_parser = at_least_one())]
    threads: usize,

    /// Another pool of workers, with a profile of its own, as NAME:key=value,key=value; repeatable
    ///
    /// A call names its pool with the field pool, or its code does in [tool.owt]; else it is default,
    /// which may be given keys as well. Keys: workers, threads, queue, max-rss, max-age, max-calls,
    /// python and nice, as the options of these names; env.NAME, a variable; cuda, the GPUs that they
    /// see: all, none, each, or indices such as 0+1; slots, how many calls run at a time in the whole pool;
    /// idle, after how long without a call a worker is replaced by an empty one; replicas, in how many
    /// workers an adaptor may live. In owt.toml: [pool.NAME].
    #[arg(long, value_name = "NAME:KEYS", help_heading = "Python", value_parser = pool::pool)]
    pool: Vec<PoolConfig>,

    /// Bind a path to an adaptor, as /path=FILE, or 'GET,PUT /path/{part}=FILE:function'; repeatable
    ///
    /// Requests to it bring arguments alone, in the path (`/say/{voice}`), the query, a form or a JSON
    /// object. The file is read again when it changes. In owt.toml: [route."/path"].
    #[arg(long, value_name = "PATH=FILE", help_heading = "Named endpoints", value_parser = route::route)]
    route: Vec<RouteConfig>,

    /// Run no other code than that of --route; arguments are data only
    #[arg(long, env = "OWT_ONLY_ROUTES", help_heading = "Named endpoints")]
    #[arg(value_parser = FalseyValueParser::new())]
    only_routes: bool,

    /// Read the files of --route once, at the start
    #[arg(long, env = "OWT_NO_RELOAD", help_heading = "Named endpoints")]
    #[arg(value_parser = FalseyValueParser::new())]
    no_reload: bool,

    /// How many adaptors stay loaded; the one used longest ago goes first
    #[arg(long, value_name = "N", env = "OWT_MAX_ADAPTORS", help_heading = "Python")]
    #[arg(default_value_t = DEFAULTS.max_adaptors, value_parser = at_least_one())]
    max_adaptors: usize,

    /// Replace a worker after so many seconds, without disturbing its calls
    ///
    /// The next worker is started first, gets the new calls, and loads adaptors anew. The old one
    /// finishes what it runs. Each worker takes up to a tenth less, so that not all go at a time.
    #[arg(long, value_name = "SECONDS", env = "OWT_WORKER_MAX_AGE", help_heading = WORKERS)]
    #[arg(value_parser = value::limit)]
    worker_max_age: Option<Duration>,

    /// Replace a worker in the same way after about so many calls
    #[arg(long, value_name = "N", env = "OWT_WORKER_MAX_CALLS", help_heading = WORKERS)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    worker_max_calls: Option<u64>,

    /// Replace a worker that has more resident memory, in bytes or with K, M or G
    ///
    /// Processes that its adaptors have started count, too; pages that they share count once. The
    /// old worker gets no new calls, finishes what it runs, and the next one loads adaptors anew.
    #[arg(long, value_name = "SIZE", env = "OWT_WORKER_MAX_RSS", help_heading = WORKERS)]
    #[arg(value_parser = value::bytes)]
    worker_max_rss: Option<u64>,

    /// Kill a worker that has more resident memory; by default twice --worker-max-rss, if that is given
    ///
    /// Its calls fail with worker-died. Memory is checked four times a second.
    #[arg(long, value_name = "SIZE", env = "OWT_WORKER_KILL_RSS", help_heading = WORKERS)]
    #[arg(value_parser = value::bytes)]
    worker_kill_rss: Option<u64>,

    /// How long a worker that was replaced may take to finish its calls
    #[arg(long, value_name = "SECONDS", env = "OWT_WORKER_DRAIN", help_heading = WORKERS)]
    #[arg(default_value = value::shown_seconds(DEFAULTS.recycling.drain), value_parser = value::seconds)]
    worker_drain: Duration,

    /// How many calls that were cancelled may still wait in a worker, before it is replaced
    ///
    /// A call that waits in C (for a lock, a disk) cannot be interrupted, and is left alone: the
    /// exception is raised when it returns to Python. Replaced as after --worker-max-age.
    #[arg(long, value_name = "N", env = "OWT_MAX_ABANDONED", help_heading = WORKERS)]
    #[arg(default_value_t = DEFAULTS.recycling.max_abandoned)]
    max_abandoned: usize,

    /// How long a call may run; by default there is no limit
    #[arg(long, value_name = "SECONDS", env = "OWT_TIMEOUT", help_heading = "Limits")]
    #[arg(value_parser = value::limit)]
    timeout: Option<Duration>,

    /// How large a body may be, in bytes or with K, M or G
    #[arg(long, value_name = "SIZE", env = "OWT_MAX_BODY", help_heading = "Limits")]
    #[arg(default_value = value::shown_bytes(DEFAULTS.max_body), value_parser = value::bytes)]
    max_body: u64,

    /// How much the bodies of all requests may hold in memory together; others wait
    ///
    /// For as long as --body-timeout; then they are refused with buffers-full. Counts what is read
    /// before its call begins, beyond 64K a request: JSON, form fields, and bodies with use_cache.
    #[arg(long, value_name = "SIZE", env = "OWT_MAX_BUFFERED", help_heading = "Limits")]
    #[arg(default_value = value::shown_bytes(DEFAULTS.max_buffered), value_parser = value::bytes)]
    max_buffered: u64,

    /// How many threads take requests and send answers
    ///
    /// The default is one for every two cores: workers need the rest. With one for each core, somewhat more of the
    /// shortest calls are answered in a second, and each takes more processor time.
    #[arg(
        long,
        value_name = "N",
        env = "OWT_HTTP_THREADS",
        help_heading = "Limits",
        hide_short_help = true
    )]
    #[arg(default_value_t = DEFAULTS.http_threads, value_parser = http_threads())]
    http_threads: usize,

    /// How many connections are open at a time; others wait until one closes
    #[arg(long, value_name = "N", env = "OWT_MAX_CONNECTIONS", help_heading = "Limits")]
    #[arg(default_value_t = DEFAULTS.max_connections, value_parser = at_least_one())]
    max_connections: usize,

    #[command(flatten)]
    request_limits: LimitArgs,

    /// How long a client may take to send the head of a request
    #[arg(long, value_name = "SECONDS", env = "OWT_HEAD_TIMEOUT", help_heading = "Limits")]
    #[arg(default_value = value::shown_seconds(DEFAULTS.head_timeout), value_parser = value::limit)]
    head_timeout: Duration,

    /// How long a client may pause while it sends a body
    #[arg(long, value_name = "SECONDS", env = "OWT_BODY_TIMEOUT", help_heading = "Limits")]
    #[arg(default_value = value::shown_seconds(DEFAULTS.body_timeout), value_parser = value::limit)]
    body_timeout: Duration,

    /// How long a client may pause while it reads an answer
    ///
    /// After that it counts as disconnected: its call is cancelled, and the connection closed.
    #[arg(long, value_name = "SECONDS", env = "OWT_WRITE_TIMEOUT", help_heading = "Limits")]
    #[arg(default_value = value::shown_seconds(DEFAULTS.write_timeout), value_parser = value::limit)]
    write_timeout: Duration,

    /// How long a connection without a request stays open
    #[arg(long, value_name = "SECONDS", env = "OWT_KEEP_ALIVE", help_heading = "Limits")]
    #[arg(default_value = value::shown_seconds(DEFAULTS.keep_alive), value_parser = value::limit)]
    keep_alive: Duration,

    /// How much is kept of the results of calls with use_cache, in bytes or with K, M or G
    #[arg(long, value_name = "SIZE", env = "OWT_CACHE_SIZE", help_heading = "Limits")]
    #[arg(default_value = value::shown_bytes(DEFAULTS.cache_size as u64), value_parser = value::bytes)]
    cache_size: u64,

    /// How long such a result is kept; by default as long as there is room
    #[arg(long, value_name = "SECONDS", env = "OWT_CACHE_TTL", help_heading = "Limits")]
    #[arg(value_parser = value::limit)]
    cache_ttl: Option<Duration>,

    /// How many jobs there may be: calls with `Prefer: respond-async`, running or ended
    ///
    /// A reply that nobody has fetched keeps its place for --job-age; one that somebody has is dropped
    /// as soon as its place is needed.
    #[arg(long, value_name = "N", env = "OWT_MAX_JOBS", help_heading = "Limits")]
    #[arg(default_value_t = DEFAULTS.jobs.count, value_parser = at_least_one())]
    max_jobs: usize,

    /// How much is kept of the replies of all jobs, in bytes or with K, M or G
    #[arg(long, value_name = "SIZE", env = "OWT_JOB_SIZE", help_heading = "Limits")]
    #[arg(default_value = value::shown_bytes(DEFAULTS.jobs.bytes as u64), value_parser = value::bytes)]
    job_size: u64,

    /// How long the reply of a job is kept
    #[arg(long, value_name = "SECONDS", env = "OWT_JOB_AGE", help_heading = "Limits")]
    #[arg(default_value = value::shown_seconds(DEFAULTS.jobs.age), value_parser = value::limit)]
    job_age: Duration,

    /// How many calls of one adaptor may wait for its worker
    ///
    /// When all these places are taken, there are a seventh more for other adaptors.
    #[arg(long, value_name = "N", env = "OWT_QUEUE", help_heading = "Limits")]
    #[arg(default_value_t = DEFAULTS.queue, value_parser = count(0))]
    queue: usize,

    /// How long running calls may take to finish when the server stops
    ///
    /// Also how long a cancelled call may take to end, whether somebody cancelled it, its client
    /// disconnected or its time was up. What has not ended by then is left alone, and a worker whose
    /// interpreter does not answer is killed with its calls.
    #[arg(long, value_name = "SECONDS", env = "OWT_GRACE", help_heading = "Limits")]
    #[arg(default_value = value::shown_seconds(DEFAULTS.grace), value_parser = value::seconds)]
    grace: Duration,

    /// Serve the files of this folder beside calls
    ///
    /// A GET that brings no code gets the file at its path, and index.html for a folder. Nothing
    /// outside the folder is served, and no name that begins with a dot.
    #[arg(long = "static", value_name = "DIR", env = "OWT_STATIC")]
    static_dir: Option<PathBuf>,

    /// Give browsers that open the server no page in which code is written and run
    ///
    /// By default, a browser gets one at / (unless a file or an endpoint is there) and at /_owt/.
    #[arg(long, env = "OWT_NO_PAGE", value_parser = FalseyValueParser::new())]
    no_page: bool,

    /// Give agents that speak MCP no tools that run code of theirs, but named endpoints alone
    ///
    /// Agents find their tools at /_owt/mcp.
    #[arg(long, env = "OWT_NO_MCP_CODE", value_parser = FalseyValueParser::new())]
    no_mcp_code: bool,

    /// Log a line for each request: method, path, status, time, and which code
    ///
    /// The default is to do so where standard error is a terminal.
    #[arg(long, value_name = "BOOL", env = "OWT_ACCESS_LOG", help_heading = "Log")]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[arg(overrides_with = "no_access_log", value_parser = FalseyValueParser::new())]
    access_log: Option<bool>,

    /// Log no such lines
    #[arg(long, help_heading = "Log", overrides_with = "access_log")]
    no_access_log: bool,

    /// Show the tracebacks of calls that fail; they may quote code and arguments
    #[arg(long, env = "OWT_LOG_TRACEBACKS", help_heading = "Log")]
    #[arg(value_parser = FalseyValueParser::new())]
    log_tracebacks: bool,

    /// How much to log
    #[arg(long, value_name = "LEVEL", env = "OWT_LOG", default_value = "info")]
    #[arg(help_heading = "Log")]
    #[arg(value_parser = PossibleValuesParser::new(LEVELS).try_map(|level| level.parse::<LevelFilter>()))]
    pub(super) log: LevelFilter,
}

impl ServeArgs {
    /// The token to show, if this program has made it.
    pub(super) fn made_token(&self) -> Option<Token> {
        self.token.as_ref().and_then(TokenOption::made)
    }

    /// The token that programs have to send.
    pub(super) fn token(&self) -> Option<&Token> {
        self.token.as_ref().map(TokenOption::token)
    }

    /// Whether a program that starts this server could not use it by a token alone.
    pub(super) fn is_for_others(&self) -> bool {
        let has_users = !self.auth.is_empty() || self.auth_file.is_some();
        self.has_tls() || has_users && self.token.is_none()
    }

    /// Takes any free port, unless another one than the usual is named: nobody has to know it.
    pub(super) fn at_any_port(self) -> Self {
        let port = if self.port == DEFAULTS.port { 0 } else { self.port };
        Self { port, ..self }
    }

    /// Whether the server speaks HTTPS.
    pub(super) fn has_tls(&self) -> bool {
        self.tls_cert.is_some()
    }

    /// The settings that these options make.
    pub(super) fn into_config(self, listener: Option<TcpListener>) -> Result<Config, CliError> {
        let access_log = self.logs_access();
        let users = self.auth.into_iter().flat_map(|Credentials(users)| users);
        let auth = users.chain(self.token.map(|token| token.credential())).collect();
        let tls = self.tls_cert.zip(self.tls_key).map(|(cert, key)| TlsFiles { cert, key });
        Ok(Config {
            tls,
            address: self.address,
            port: self.port,
            listener,
            url_keys: self.url_key.source()?,
            socket: self.socket,
            auth,
            auth_file: self.auth_file,
            allow_anonymous: self.allow_anonymous,
            allow_origins: self.allow_origin,
            allow_hosts: self.allow_host,
            trust_links: self.trust_links,
            python: self.python,
            dependencies: self.installing.dependencies,
            install_timeout: self.installing.install_timeout,
            environment_age: self.environment_age,
            workers: self.workers,
            threads: self.threads,
            recycling: Recycling {
                max_age: self.worker_max_age,
                max_calls: self.worker_max_calls,
                max_rss: self.worker_max_rss,
                kill_rss: self
                    .worker_kill_rss
                    .or(self.worker_max_rss.map(|size| size.saturating_mul(2))),
                drain: self.worker_drain,
                max_abandoned: self.max_abandoned,
            },
            pools: self.pool,
            routes: self.route,
            only_routes: self.only_routes,
            reload: !self.no_reload,
            timeout: self.timeout,
            max_adaptors: self.max_adaptors,
            max_body: self.max_body,
            max_buffered: self.max_buffered,
            http_threads: self.http_threads,
            max_connections: self.max_connections,
            max_connections_per_address: self.request_limits.max_connections_per_address,
            request_limits: self.request_limits.into_limits(),
            head_timeout: self.head_timeout,
            body_timeout: self.body_timeout,
            write_timeout: self.write_timeout,
            keep_alive: self.keep_alive,
            cache_size: usize::try_from(self.cache_size).unwrap_or(usize::MAX),
            cache_ttl: self.cache_ttl,
            jobs: JobLimits {
                count: self.max_jobs,
                bytes: usize::try_from(self.job_size).unwrap_or(usize::MAX),
                age: self.job_age,
            },
            queue: self.queue,
            grace: self.grace,
            no_eval: self.no_eval,
            only_digests: self.only_digests,
            static_dir: self.static_dir,
            page: !self.no_page,
            mcp_code: !self.no_mcp_code,
            access_log,
            log_tracebacks: self.log_tracebacks,
        })
    }

    /// Whether requests are logged: by default where standard error is a terminal.
    fn logs_access(&self) -> bool {
        let is_terminal = || std::io::stderr().is_terminal();
        !self.no_access_log && self.access_log.unwrap_or_else(is_terminal)
    }
}

pub(super) fn at_least_one() -> impl TypedValueParser<Value = usize> {
    count(1)
}

fn http_threads() -> impl TypedValueParser<Value = usize> {
    let most = i64::try_from(MAX_HTTP_THREADS).unwrap_or(i64::MAX);
    clap::value_parser!(u32).range(1..=most).map(|number| number as usize)
}

fn count(least: i64) -> impl TypedValueParser<Value = usize> {
    clap::value_parser!(u32).range(least..).map(|number| number as usize)
}
