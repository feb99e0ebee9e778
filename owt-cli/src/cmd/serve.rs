//! `owt serve`: the server, until a signal ends it.

mod limits;
mod options;
mod pool;
mod route;
mod token;

use std::io::{self, Write};
use std::net::TcpListener;
use std::process::ExitCode;

use listenfd::ListenFd;
use owt_server::{Address, RouteError, ServeError, StartError, Token};

use crate::args::bad_url_keys;
use crate::ui::{CliError, ExitKind};

pub(crate) use options::ServeArgs;
pub(crate) use pool::to_text as pool_text;
pub(crate) use route::{KEYS as ROUTE_KEYS, to_text as route_text, unknown as unknown_route_key};

pub(crate) fn run(args: ServeArgs) -> Result<ExitCode, CliError> {
    let _log = owt_server::init_log(args.log);
    let listener = inherited_listener()?;
    let (token, is_secure) = (args.made_token(), args.has_tls());
    let announce = |address: &Address| {
        announce(address, token.map(|token| token::link(address, is_secure, &token)));
        tell_manager();
    };
    owt_server::serve(args.into_config(listener)?, announce).map_err(|err| cannot_serve(&err))?;
    Ok(ExitCode::SUCCESS)
}

/// A server that is part of another command, which is told where it listens, and its token.
pub(super) fn run_own(
    args: ServeArgs,
    ready: impl FnOnce(&Address, Option<Token>),
) -> Result<ExitCode, CliError> {
    if args.is_for_others() {
        let message = "a server of its own has no users and no HTTPS";
        return Err(CliError::new(ExitKind::Usage, message)
            .hint("start it with owt serve, and use it with owt mcp --attach"));
    }
    let args = args.at_any_port();
    let _log = owt_server::init_log(args.log);
    let token = args.token().cloned();
    owt_server::serve(args.into_config(None)?, |address| ready(address, token))
        .map_err(|err| cannot_serve(&err))?;
    Ok(ExitCode::SUCCESS)
}

/// The socket that whoever started this program has opened for it: systemd, or `owt.main()`.
fn inherited_listener() -> Result<Option<TcpListener>, CliError> {
    ListenFd::from_env().take_tcp_listener(0).map_err(|err| {
        CliError::new(ExitKind::Start, format!("the socket in LISTEN_FDS cannot be used: {err}"))
    })
}

/// The first line on standard output, for people and for scripts that wait for it. A token that was made
/// follows, as a link.
fn announce(address: &Address, link: Option<String>) {
    let link = link.map(|link| format!("{link}\n")).unwrap_or_default();
    let mut stdout = io::stdout().lock();
    // The server goes on if standard output is closed.
    let _ = write!(stdout, "Owt serving on {address}\n{link}").and_then(|()| stdout.flush());
}

/// Tells systemd that the server answers, where that has started it as `Type=notify` (sd_notify(3)).
fn tell_manager() {
    if let Err(err) = sd_notify::notify(&[sd_notify::NotifyState::Ready]) {
        tracing::warn!("cannot tell NOTIFY_SOCKET that the server is ready: {err}");
    }
}

/// The error that a server does not start, and what to do about it.
pub(super) fn cannot_serve(err: &ServeError) -> CliError {
    match err {
        ServeError::Listen { cause, address } => {
            let is_socket = matches!(address, Address::Socket(_));
            let cli_err = CliError::new(ExitKind::Start, err.to_string());
            match cause.kind() {
                io::ErrorKind::AddrInUse if is_socket => cli_err.hint("another server listens there; end it, or take another path with --socket"),
                io::ErrorKind::AlreadyExists if is_socket => cli_err.hint("there is a file that is no socket; take another path with --socket"),
                io::ErrorKind::AddrInUse => cli_err.hint("another server has this port; take a free one with --port 0"),
                io::ErrorKind::PermissionDenied if !is_socket => cli_err.hint("ports below 1024 are for root; take another with --port"),
                io::ErrorKind::AddrNotAvailable => cli_err.hint("this machine has no such address; see: ip address"),
                _ => cli_err,
            }
        }
        ServeError::OpenToAll(_) => CliError::new(ExitKind::Usage, err.to_string())
            .hint("say who may call with --auth \"$(owt hash USER)\" or --token auto, or let everybody with --allow-anonymous"),
        ServeError::Tls(_) => CliError::new(ExitKind::Start, err.to_string())
            .hint("give the certificate and its key in PEM form with --tls-cert and --tls-key"),
        ServeError::UrlKeys(err) => bad_url_keys(ExitKind::Start, err),
        ServeError::File(_) => CliError::new(ExitKind::Start, err.to_string()),
        ServeError::MemoryUnknown => CliError::new(ExitKind::Usage, err.to_string())
            .hint("leave out --worker-max-rss and --worker-kill-rss, which need Linux"),
        ServeError::Static { .. } => CliError::new(ExitKind::Start, err.to_string())
            .hint("name a folder that can be read with --static"),
        ServeError::Pool { cause, .. } => {
            cannot_serve(cause).with_message(err.to_string())
        }
        ServeError::Route(RouteError::File { file, .. }) if file.is_relative() => {
            CliError::new(ExitKind::Usage, err.to_string())
                .hint("it is looked for in the folder in which owt is started")
        }
        ServeError::Route(_) => CliError::new(ExitKind::Usage, err.to_string())
            .hint("a route is written /path=FILE, or 'GET,POST /path/{part}=FILE:function'"),
        ServeError::PoolTwice(_) => CliError::new(ExitKind::Usage, err.to_string())
            .hint("name all keys of a pool in one --pool, with commas between them"),
        ServeError::Gpu(_) => CliError::new(ExitKind::Start, err.to_string())
            .hint("cuda takes the indices of these, their UUIDs, each, or none"),
        ServeError::Interpreter(_) => CliError::new(ExitKind::Start, err.to_string())
            .hint("owt doctor shows where owt looks for Python, and what is there"),
        ServeError::Members(_) => CliError::new(ExitKind::Start, err.to_string())
            .hint("write auth=env:NAME or auth=file:PATH, and ca=PATH of certificates in PEM form"),
        ServeError::Start(cause) => {
            let cli_err = CliError::new(ExitKind::Start, err.to_string());
            match start_hint(cause) {
                Some(hint) => cli_err.hint(hint),
                None => cli_err,
            }
        }
        ServeError::Io(_) => CliError::new(ExitKind::Start, err.to_string()),
    }
}

/// What to do about a Python that does not start.
fn start_hint(err: &StartError) -> Option<String> {
    match err {
        StartError::Ended { python, .. } | StartError::Slow { python, .. } => {
            let home = std::env::var_os("PYTHONHOME").filter(|home| !home.is_empty());
            Some(match home {
                Some(home) => {
                    format!("PYTHONHOME is {}; unset it, unless this Python is there", home.display())
                }
                None => format!(
                    "see whether it starts without owt: {} -c pass; sitecustomize.py and the .pth files of its \
                     site-packages run first",
                    python.display()
                ),
            })
        }
        StartError::NotLoaded { .. } => Some(
            "if a file of yours has the name of a module of Python's, rename it, or start owt elsewhere".to_owned(),
        ),
        StartError::NotExecuted { .. } => Some("name another Python with --python".to_owned()),
        StartError::Io(_) | StartError::Package(_) => None,
    }
}
