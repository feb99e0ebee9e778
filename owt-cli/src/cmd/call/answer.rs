//! The reply to a call, printed as it comes.

use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use owt_client::{Error, Reply};

use super::bar::Bar;
use super::errors;
use crate::args::ConnectionArgs;
use crate::output;
use crate::ui::{self, CliError, ExitKind};

/// Waits for a reply, and writes it to a file or to standard output. Ctrl-C ends the waiting with
/// `interrupted` as the last word.
pub(in crate::cmd) async fn answer(
    reply: impl Future<Output = Result<Reply, Error>>,
    connection: &ConnectionArgs,
    path: Option<&Path>,
    bar: Option<Bar>,
    interrupted: &str,
) -> Result<ExitCode, CliError> {
    let written = async {
        let reply = reply.await.map_err(|err| errors::of(err, connection))?;
        let status = reply.status();
        print(reply, path, bar.as_ref()).await?;
        if status.is_client_error() || status.is_server_error() {
            return Err(CliError::new(ExitKind::Answer, format!("the adaptor answered {status}")));
        }
        Ok(ExitCode::SUCCESS)
    };
    let outcome = tokio::select! {
        outcome = written => outcome,
        Ok(()) = tokio::signal::ctrl_c() => Ok(ExitCode::from(ui::INTERRUPTED)),
    };
    let is_interrupted = outcome.as_ref().is_ok_and(|code| *code != ExitCode::SUCCESS);
    bar.inspect(Bar::erase);
    if is_interrupted && !interrupted.is_empty() {
        // There is nowhere to report that standard error is closed.
        let _ = writeln!(io::stderr(), "owt: {interrupted}");
    }
    outcome
}

/// Writes the reply chunk by chunk. On standard output, it takes the place of the bar.
async fn print(mut reply: Reply, path: Option<&Path>, bar: Option<&Bar>) -> Result<(), CliError> {
    let mut out = output::open(path)?;
    let bar = bar.filter(|_| path.is_none());
    let request_id = reply.request_id().to_owned();
    while let Some(chunk) = reply
        .chunk()
        .await
        .map_err(|err| errors::truncated_error(&err, &request_id, out.is_mid_line()))?
    {
        bar.inspect(|bar| bar.erase());
        let result = out.write_all(&chunk).and_then(|()| out.flush());
        if result.as_ref().is_err_and(|err| err.kind() == io::ErrorKind::BrokenPipe) {
            return Ok(());
        }
        ui::check_written(result)?;
    }
    Ok(())
}
