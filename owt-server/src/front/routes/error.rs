//! Why a named endpoint cannot be made.

use std::io;
use std::path::PathBuf;

/// A named endpoint cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum RouteError {
    /// Its path is none.
    #[error("the path {path:?} of a route cannot be used: {problem}")]
    Path {
        /// As it was given.
        path: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Two have the same path and method.
    #[error("two routes answer {method} {path}")]
    Twice {
        /// Their path.
        path: String,
        /// Their method.
        method: String,
    },
    /// Its file cannot be read.
    #[error("the route {path} cannot be served: {file}: {cause}", file = file.display())]
    File {
        /// Its path.
        path: String,
        /// The file.
        file: PathBuf,
        /// The system's reason.
        #[source]
        cause: io::Error,
    },
}
