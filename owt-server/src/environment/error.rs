//! Why an environment is not there.

use std::io;
use std::time::Duration;

use crate::interpreter::InterpreterError;

/// Why an environment is not there.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EnvironmentError {
    /// There is no `uv` to make it with.
    #[error("uv was not found, neither on the path nor beside the server's Python")]
    NoUv,
    /// `uv` has failed; with its own words.
    #[error("uv could not install them:\n{0}")]
    Failed(String),
    /// It took too long; with what `uv` had said so far.
    #[error("installing them has not ended after {} s", .limit.as_secs())]
    Slow {
        /// How long it may take.
        limit: Duration,
    },
    /// Its Python cannot run workers.
    #[error(transparent)]
    Interpreter(#[from] InterpreterError),
    /// Its folder cannot be written, or `uv` cannot be run.
    #[error("the environment cannot be made: {0}")]
    Io(#[from] io::Error),
}
