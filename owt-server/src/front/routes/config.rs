//! What a named endpoint is told when its server starts.

use std::path::PathBuf;
use std::time::Duration;

use owt_core::KeepAlive;

/// A path that is bound to a function of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct RouteConfig {
    /// The path, with `{name}` for a part that is an argument, and `{*name}` for all that follows.
    pub path: String,
    /// The methods that it answers; `HEAD` goes with `GET`.
    pub methods: Vec<String>,
    /// The adaptor.
    pub file: PathBuf,
    /// The function that is called.
    pub fn_name: String,
    /// The pool that runs it, unless its metadata block says so.
    pub pool: Option<String>,
    /// How long it stays loaded without a call.
    pub keep_alive: Option<KeepAlive>,
    /// How long a call may run.
    pub timeout: Option<Duration>,
    /// Whether results are kept for the same path, query and body.
    pub use_cache: bool,
    /// The settings as `--route` takes them, for `owt.args`.
    pub text: String,
}

impl RouteConfig {
    /// What a path answers of which nothing else is said.
    pub const METHODS: [&str; 2] = ["GET", "POST"];
}
