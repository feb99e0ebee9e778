//! `owt worker`: what the server starts to run adaptors in. Never called by a person.

use std::process::ExitCode;

use crate::ui::CliError;

pub(crate) fn run() -> Result<ExitCode, CliError> {
    Ok(owt_server::worker())
}
