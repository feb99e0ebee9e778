//! The `owt` program: arguments in, library called, text out.

mod args;
mod cli;
mod cmd;
mod input;
mod output;
mod ui;

use std::process::ExitCode;

use tikv_jemallocator::Jemalloc;

/// jemalloc returns memory to the system after ten seconds without use. glibc's allocator keeps what
/// bodies once took, in an arena for each thread.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    ui::end(cli::parse().and_then(cmd::run))
}
