//! `owt-cli`: the program `owt` beside it, under the name of the distribution, which is what
//! `uvx owt-cli` and `pipx run owt-cli` look for.
#![expect(clippy::print_stderr, reason = "without owt beside it, it says so")]

use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode};
use std::{env, io};

fn main() -> ExitCode {
    let err = become_owt().unwrap_err();
    eprintln!("owt-cli: error: the program owt, beside this one, cannot be started: {err}");
    ExitCode::FAILURE
}

/// Returns only if it fails.
fn become_owt() -> io::Result<std::convert::Infallible> {
    let owt = env::current_exe()?.with_file_name("owt");
    Err(Command::new(owt).args(env::args_os().skip(1)).exec())
}
