//! `cargo xtask setup`: what a bare machine lacks for the tests.

use anyhow::Result;
use xshell::Shell;

use crate::debian;
use crate::venv::Venv;

/// Programs that the tests call as a user would.
const PROGRAMS: &[&str] = &["curl", "jo"];

/// Sets up everything, and gives the virtualenv in which the Python tests run.
pub(crate) fn run(sh: &Shell) -> Result<Venv> {
    debian::ensure_programs(sh, PROGRAMS)?;
    Venv::ensure(sh, "venv", "tests/requirements.txt")
}
