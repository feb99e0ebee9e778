//! What the front and a worker tell each other while the worker starts.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The most sockets that come with the settings, one for each thread of the front.
pub(crate) const MAX_CONNECTIONS: usize = 64;

/// What a worker has to know. It is sent once, before anything else.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Settings {
    /// The interpreter that this worker takes itself for.
    pub(crate) python: PathBuf,
    /// Where the standard library is, if not where that interpreter says.
    pub(crate) home: Option<PathBuf>,
    /// The folder that holds the package `owt`.
    pub(crate) package: String,
    pub(crate) start_directory: String,
    /// Where sources are put for the child processes of adaptors.
    pub(crate) adaptors_dir: String,
    /// Removed by whoever ends last: the front, or a worker whose front was killed.
    pub(crate) private_dirs: Vec<PathBuf>,
    pub(crate) exe: String,
    pub(crate) address: String,
    pub(crate) port: u16,
    pub(crate) threads: usize,
    /// How many sockets for calls come with these settings.
    pub(crate) connections: usize,
    pub(crate) max_adaptors: usize,
    pub(crate) no_eval: bool,
    pub(crate) log_tracebacks: bool,
    /// The server's arguments as a JSON object.
    pub(crate) args: String,
}

/// What a worker tells the front once it has started, or has not.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Ready {
    Yes,
    /// Python did not start: why.
    No(String),
}
