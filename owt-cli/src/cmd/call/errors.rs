//! What can go wrong with a call, as messages with hints.

use std::path::Path;
use std::{io, iter};

use owt_client::{Error, ServerError};

use crate::args::{self, ConnectionArgs};
use crate::input::cannot_read;
use crate::ui::{CliError, ExitKind};

const HTTPS_HINT: &str = "if it was started with --tls-cert, call it with --url https://…";

/// The call got no reply, over this connection.
pub(crate) fn of(err: Error, connection: &ConnectionArgs) -> CliError {
    let url = &connection.url.url;
    match &connection.socket {
        Some(path) => socket_error(err, path, url),
        None => send_error(err, url),
    }
}

/// The call got no reply from the adaptor.
fn send_error(err: Error, base: &str) -> CliError {
    match err {
        Error::Server(err) => from_server(&err),
        Error::Upload { path, source } => cannot_read(&path.to_string_lossy(), &source),
        Error::JobId => CliError::caused(ExitKind::Usage, &err)
            .hint("owt call --background prints one, and owt jobs lists all"),
        Error::UrlTooLong => CliError::caused(ExitKind::Usage, &err)
            .hint("send the body as a file of a form: --form name=@FILE"),
        Error::Unreachable(_) => CliError::caused(ExitKind::Connection, &err)
            .hint(format!("start it with: owt serve, or name another with --url (now {base})")),
        Error::UnknownIssuer => {
            connection_error(&err).hint("trust it, or its issuer, with --cacert FILE")
        }
        Error::NotTls => {
            connection_error(&err).hint("if it has no certificate, call it with --url http://…")
        }
        // Without the causes, which are details of the HTTP parser.
        Error::NotHttp(_) => CliError::new(ExitKind::Connection, err.to_string()).hint(HTTPS_HINT),
        Error::Broken(_) if is_connection_closed(&err) && !base.starts_with("https:") => {
            connection_error(&err).hint(HTTPS_HINT)
        }
        err => connection_error(&err),
    }
}

/// The same of a call over a Unix socket.
fn socket_error(err: Error, socket: &Path, base: &str) -> CliError {
    match err {
        Error::Unreachable(_) => {
            let path = socket.display();
            CliError::caused(ExitKind::Connection, &err)
                .hint(format!("start it with: owt serve --socket {path}, or leave out --socket"))
        }
        err => send_error(err, base),
    }
}

/// Whether the server closed the connection while the call was being sent. A server that speaks HTTPS
/// does so when a long call comes by `http`.
fn is_connection_closed(err: &Error) -> bool {
    let first: &(dyn std::error::Error + 'static) = err;
    let causes = iter::successors(Some(first), |&err| err.source());
    let mut kinds = causes.filter_map(|err| Some(err.downcast_ref::<io::Error>()?.kind()));
    let closed = [io::ErrorKind::BrokenPipe, io::ErrorKind::ConnectionReset];
    kinds.any(|kind| closed.contains(&kind))
}

/// The reply ended early. Why is in the server's log; the connection does not carry it.
pub(super) fn truncated_error(err: &Error, request_id: &str, is_mid_line: bool) -> CliError {
    let cli_err = CliError::new(ExitKind::Connection, err.to_string())
        .hint(format!("the server's log says why, in the lines of request {request_id}"));
    if is_mid_line { cli_err.on_a_new_line() } else { cli_err }
}

fn connection_error(err: &Error) -> CliError {
    CliError::caused(ExitKind::Connection, err)
}

/// An error that owt itself answered with, and the option that helps.
fn from_server(err: &ServerError) -> CliError {
    let message = args::with_option_names(&err.code, &err.text);
    let cli_err = CliError::new(ExitKind::Answer, format!("{}: {message}", err.code));
    match err.code.as_str() {
        "auth-required" => cli_err
            .hint("say who you are with OWT_CLIENT_AUTH=USER:PASSWORD or OWT_CLIENT_TOKEN=TOKEN"),
        "job-unknown" => cli_err.hint("owt jobs lists those that are there"),
        "code-unknown" => cli_err.hint("leave out --digest to send the code itself"),
        _ => cli_err,
    }
}
