//! One file a command.

mod call;
mod completions;
mod doctor;
mod encode;
mod hash;
mod run;
mod serve;
mod worker;

use std::process::ExitCode;

use crate::cli::Command;
use crate::ui::CliError;

/// Does what the command line says.
pub(crate) fn run(command: Command) -> Result<ExitCode, CliError> {
    match command {
        Command::Serve(args) => serve::run(*args),
        Command::Encode(args) => encode::run(args),
        Command::Call(args) => call::run(args),
        Command::Run(args) => run::run(args),
        Command::Hash(args) => hash::run(&args),
        Command::Doctor(args) => doctor::run(args),
        Command::Completions(args) => completions::run(&args),
        Command::Worker => worker::run(),
    }
}
