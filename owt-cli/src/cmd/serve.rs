//! `owt serve`: the server, until a signal ends it.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::ExitCode;

use listenfd::ListenFd;
use owt_server::{Config, Recycling, ServeError, TlsFiles};

use crate::cli::ServeArgs;
use crate::ui::{CliError, Failure};

pub(crate) fn run(args: ServeArgs) -> Result<ExitCode, CliError> {
    let _log = owt_server::init_log(args.log);
    let listener = inherited_listener()?;
    owt_server::serve(config(args, listener), announce).map_err(|err| cannot_serve(&err))?;
    Ok(ExitCode::SUCCESS)
}

/// The socket that whoever started this program has opened for it: systemd, or `owt.main()`.
fn inherited_listener() -> Result<Option<TcpListener>, CliError> {
    ListenFd::from_env().take_tcp_listener(0).map_err(|err| {
        CliError::new(Failure::Start, format!("the socket in LISTEN_FDS cannot be used: {err}"))
    })
}

fn config(args: ServeArgs, listener: Option<TcpListener>) -> Config {
    let access_log = args.logs_access();
    let tls = args.tls_cert.zip(args.tls_key).map(|(cert, key)| TlsFiles { cert, key });
    Config {
        tls,
        address: args.address,
        port: args.port,
        listener,
        auth: args.auth,
        allow_anonymous: args.allow_anonymous,
        allow_origins: args.allow_origin,
        allow_hosts: args.allow_host,
        python: args.python,
        workers: args.workers,
        threads: args.threads,
        recycling: Recycling {
            max_age: args.worker_max_age,
            max_calls: args.worker_max_calls,
            max_rss: args.worker_max_rss,
            kill_rss: args
                .worker_kill_rss
                .or(args.worker_max_rss.map(|size| size.saturating_mul(2))),
            drain: args.worker_drain,
            max_abandoned: args.max_abandoned,
        },
        timeout: args.timeout,
        max_adaptors: args.max_adaptors,
        max_body: args.max_body,
        max_buffered: args.max_buffered,
        max_connections: args.max_connections,
        head_timeout: args.head_timeout,
        body_timeout: args.body_timeout,
        write_timeout: args.write_timeout,
        keep_alive: args.keep_alive,
        cache_size: usize::try_from(args.cache_size).unwrap_or(usize::MAX),
        cache_ttl: args.cache_ttl,
        queue: args.queue,
        grace: args.grace,
        no_eval: args.no_eval,
        static_dir: args.static_dir,
        access_log,
        log_tracebacks: args.log_tracebacks,
    }
}

/// The one line on standard output, for people and for scripts that wait for it.
fn announce(address: SocketAddr) {
    let mut stdout = io::stdout().lock();
    // Whoever closed standard output does not want to know.
    let _ = writeln!(stdout, "Owt serving on {address}").and_then(|()| stdout.flush());
}

/// A server that does not start, and what to do about it.
pub(super) fn cannot_serve(err: &ServeError) -> CliError {
    match err {
        ServeError::Listen { cause, .. } => {
            let words = CliError::new(Failure::Start, err.to_string());
            match cause.kind() {
                io::ErrorKind::AddrInUse => words.hint("another server has this port; take a free one with --port 0"),
                io::ErrorKind::PermissionDenied => words.hint("ports below 1024 are for root; take another with --port"),
                io::ErrorKind::AddrNotAvailable => words.hint("this machine has no such address; see: ip address"),
                _ => words,
            }
        }
        ServeError::OpenToAll(_) => CliError::new(Failure::Usage, err.to_string())
            .hint("say who may call with --auth \"$(owt hash USER)\", or let everybody with --allow-anonymous"),
        ServeError::Tls(_) => CliError::new(Failure::Start, err.to_string())
            .hint("give the certificate and its key in PEM form with --tls-cert and --tls-key"),
        ServeError::Static { .. } => CliError::new(Failure::Start, err.to_string())
            .hint("name a folder that can be read with --static"),
        ServeError::Interpreter(_) | ServeError::Start(_) => {
            CliError::new(Failure::Start, err.to_string()).hint("owt doctor says more about Python")
        }
        ServeError::Io(_) => CliError::new(Failure::Start, err.to_string()),
    }
}
