//! Errors of a call, with hints.

use std::path::Path;
use std::{io, iter};

use owt_client::{Error, ServerError};

use crate::args;
use crate::cmd::encode::bad_base;
use crate::input::cannot_read;
use crate::ui::{CliError, Failure};

const BY_HTTPS: &str = "if it was started with --tls-cert, call it with --url https://…";

/// A client that cannot be built for this URL, and with this file of certificates.
pub(super) fn not_built(err: &Error, url: &str, cacert: Option<&Path>) -> CliError {
    let path = cacert.map(Path::to_string_lossy).unwrap_or_default();
    match err {
        Error::RootCertificate(_) => {
            let words = format!("{path} holds no certificate that can be read");
            CliError::new(Failure::File, words).hint("give a certificate in PEM form with --cacert")
        }
        err => bad_base(url, err),
    }
}

/// A call that got no answer of the adaptor.
pub(super) fn not_sent(err: Error, base: &str) -> CliError {
    match err {
        Error::Server(err) => from_server(&err),
        Error::Upload { path, source } => cannot_read(&path.to_string_lossy(), &source),
        Error::UrlTooLong => CliError::caused(Failure::Usage, &err)
            .hint("send the body as a file of a form: --form name=@FILE"),
        Error::Unreachable(_) => CliError::caused(Failure::Connection, &err)
            .hint(format!("start it with: owt serve, or name another with --url (now {base})")),
        Error::UnknownIssuer => broken(&err).hint("trust it, or its issuer, with --cacert FILE"),
        Error::NotTls => broken(&err).hint("if it has no certificate, call it with --url http://…"),
        // Without the causes, which are details of the HTTP parser.
        Error::NotHttp(_) => CliError::new(Failure::Connection, err.to_string()).hint(BY_HTTPS),
        Error::Broken(_) if is_closed(&err) && !base.starts_with("https:") => {
            broken(&err).hint(BY_HTTPS)
        }
        err => broken(&err),
    }
}

/// Whether the server has closed the connection while the call was being sent. One that speaks HTTPS
/// does that to a long call by `http`.
fn is_closed(err: &Error) -> bool {
    let first: &(dyn std::error::Error + 'static) = err;
    let causes = iter::successors(Some(first), |&err| err.source());
    let mut kinds = causes.filter_map(|err| Some(err.downcast_ref::<io::Error>()?.kind()));
    let closed = [io::ErrorKind::BrokenPipe, io::ErrorKind::ConnectionReset];
    kinds.any(|kind| closed.contains(&kind))
}

/// An answer that ended early. The cause is in the server's log; the connection does not know it.
pub(super) fn broken_off(err: &Error, request_id: &str, is_mid_line: bool) -> CliError {
    let words = CliError::new(Failure::Connection, err.to_string())
        .hint(format!("the server's log says why, in the lines of request {request_id}"));
    if is_mid_line { words.on_a_new_line() } else { words }
}

fn broken(err: &Error) -> CliError {
    CliError::caused(Failure::Connection, err)
}

/// An error of owt itself, with the option that helps.
fn from_server(err: &ServerError) -> CliError {
    let words = args::in_options(&err.code, &err.text);
    let shown = CliError::new(Failure::Answer, format!("{}: {words}", err.code));
    match err.code.as_str() {
        "auth-required" => shown.hint("say who you are with --auth USER:PASSWORD"),
        "code-unknown" => shown.hint("leave out --digest to send the code itself"),
        _ => shown,
    }
}
