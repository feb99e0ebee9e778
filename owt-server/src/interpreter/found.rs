//! A Python that was found, and where.

use std::fmt;
use std::path::PathBuf;

/// The oldest version of Python 3 that has all of the stable ABI that workers use.
pub const OLDEST_MINOR: u8 = 11;

/// A Python that can run workers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interpreter {
    /// What it says itself of where it is: shims, such as those of pyenv, are left out.
    pub executable: PathBuf,
    /// Its version, such as `3.12.4`.
    pub version: String,
    /// Why it was taken.
    pub origin: Origin,
}

/// Where a Python was found, in the order in which it is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// `--python`, or `OWT_PYTHON`.
    Named,
    /// `VIRTUAL_ENV`, which activating a virtualenv sets.
    Virtualenv,
    /// `CONDA_PREFIX`, which activating a conda environment sets.
    Conda,
    /// The folder `.venv` in the start directory.
    DotVenv,
    /// The environment that owt is installed in.
    Installation,
    /// `python3` on the path.
    Path,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Origin::Named => "--python",
            Origin::Virtualenv => "VIRTUAL_ENV",
            Origin::Conda => "CONDA_PREFIX",
            Origin::DotVenv => ".venv",
            Origin::Installation => "where owt is installed",
            Origin::Path => "python3 on the path",
        })
    }
}
