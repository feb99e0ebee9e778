//! What the front and a worker tell each other while the worker starts.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The most sockets that come with the settings, one for each thread of the front.
pub const MAX_CONNECTIONS: usize = 64;

/// What a worker has to know. It is sent once, before anything else.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Settings {
    /// The folder that holds the package `owt`.
    pub package: String,
    pub start_directory: String,
    /// Where sources are put for the child processes of adaptors.
    pub adaptors_dir: String,
    /// Removed by whoever ends last: the front, or a worker whose front was killed.
    pub private_dirs: Vec<PathBuf>,
    pub exe: String,
    pub address: String,
    pub port: u16,
    pub threads: usize,
    /// How many sockets for calls come with these settings.
    pub connections: usize,
    pub max_adaptors: usize,
    pub no_eval: bool,
    pub log_tracebacks: bool,
    /// The server's arguments as a JSON object.
    pub args: String,
}

/// What a worker tells the front once it has started, or has not.
#[derive(Debug, Serialize, Deserialize)]
pub enum Ready {
    Yes,
    /// Python did not start: why.
    No(String),
}
