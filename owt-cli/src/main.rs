//! The `owt` program: arguments in, library called, text out.

mod allocator;
mod args;
mod cli;
mod cmd;
mod input;
mod output;
mod table;
mod ui;

use std::process::ExitCode;

fn main() -> ExitCode {
    ui::end(cli::parse().and_then(cmd::run))
}
