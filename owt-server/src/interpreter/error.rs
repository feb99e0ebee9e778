//! Why a Python cannot be used: one sentence each.

use std::path::PathBuf;
use std::time::Duration;

use super::found::{OLDEST_MINOR, Origin};

/// How long an interpreter may take to say what it is.
pub(super) const PROBE_TIMEOUT: Duration = Duration::from_secs(60);

/// Why a Python cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InterpreterError {
    /// The path that `--python` names is not an interpreter and contains none.
    #[error("--python {}: there is no Python interpreter", .0.display())]
    NotThere(PathBuf),
    /// A variable names a folder without an interpreter.
    #[error(
        "{origin} is {folder}, but there is no bin/python in it; deactivate it or make it anew"
    )]
    Broken {
        /// The variable.
        origin: Origin,
        /// What it names.
        folder: PathBuf,
    },
    /// Only a link to an interpreter is left, as where the one that a virtualenv was made of is removed.
    #[error("{path} is a link to {target}, which is not there; make the virtualenv anew")]
    Dangling {
        /// The link.
        path: PathBuf,
        /// What it leads to.
        target: PathBuf,
    },
    /// The interpreter does not run, or does not say what it is.
    #[error("{path} does not run: {why}")]
    DoesNotRun {
        /// The interpreter.
        path: PathBuf,
        /// What happened instead.
        why: String,
    },
    /// The interpreter does not say what it is in time.
    #[error("{path} does not run: it has not answered after {} s", PROBE_TIMEOUT.as_secs())]
    NoAnswer {
        /// The interpreter.
        path: PathBuf,
    },
    /// Its version is too old.
    #[error(
        "{path} is Python {version}, and owt needs 3.{OLDEST_MINOR} or newer; name a newer one with --python, \
         or make a virtualenv of one"
    )]
    TooOld {
        /// The interpreter.
        path: PathBuf,
        /// Its version.
        version: String,
    },
    /// It is not CPython.
    #[error(
        "{path} is {name}, and owt needs CPython, the Python of python.org; name one with --python"
    )]
    NotCPython {
        /// The interpreter.
        path: PathBuf,
        /// What it is, such as `PyPy`.
        name: String,
    },
    /// It is a free-threaded build.
    #[error(
        "{path} is a free-threaded build of Python {version}, which needs another build of owt's extension \
         module than there is; name a Python with the GIL with --python"
    )]
    FreeThreaded {
        /// The interpreter.
        path: PathBuf,
        /// Its version.
        version: String,
    },
    /// There is no Python in any of the places.
    #[error(
        "no Python was found; install Python 3.{OLDEST_MINOR} or newer, or name one with --python"
    )]
    None,
}
