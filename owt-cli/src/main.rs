//! The `owt` program: arguments in, library called, text out.

mod args;
mod cmd;
mod input;
mod output;
mod parse;
mod ui;

use std::process::ExitCode;

use tikv_jemallocator::Jemalloc;

/// Gives memory back to the system when it has not been used for ten seconds. glibc's keeps what
/// bodies have once taken, in an arena for each thread.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    ui::end(parse::command().and_then(cmd::run))
}
