//! `owt completions`: what a shell needs to complete our command lines.

use std::io::{self, Write};
use std::process::ExitCode;

use crate::cli::{self, CompletionsArgs};
use crate::ui::{self, CliError};

pub(crate) fn run(args: &CompletionsArgs) -> Result<ExitCode, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut cli::command(), "owt", &mut script);
    ui::written(io::stdout().write_all(&script))?;
    Ok(ExitCode::SUCCESS)
}
