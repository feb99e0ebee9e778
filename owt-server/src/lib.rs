//! The owt server: an HTTP front in Rust, and the user's own Python in worker processes.
//!
//! [`serve()`] is the front's whole life, and [`run()`] one call with no server. Data flows one way:
//! `front` → `dispatch` → a worker process, and back; `pool` keeps these processes alive. The calls of a pool
//! whose `members` are other owts go there by `relay` instead. What runs in
//! them is the crate `owt-worker`, which this one carries and does not link.

// `json!` recurses for each key of the server's arguments.
#![recursion_limit = "256"]

mod cache;
mod config;
mod dispatch;
mod environment;
mod front;
mod gpu;
mod interpreter;
mod local;
mod log;
mod members;
mod memory_budget;
mod other_users;
mod package;
mod pool;
mod pools;
mod private;
mod relay;
mod reports;
mod router;
mod secrets;
mod serve;
mod serve_error;
mod sources;
mod spool;
mod stop;
mod unix_socket;
mod waiting;
mod watched_file;

pub use config::{
    Address, Config, Cuda, Dependencies, MAX_HTTP_THREADS, MemberSource, MemberUrl, MembersConfig,
    NotAMember, NotAPoolName, PoolConfig, PoolName, RayConfig, SecretSource,
};
pub use environment::{KeptEnvironment, Removal, find_uv, kept_environments, remove_environment};
pub use front::{
    AllowedOrigin, ApprovedCode, Credential, Credentials, JobLimits, NotACredential, NotAToken,
    NotAnOrigin, RequestLimits, RouteConfig, RouteError, TlsError, TlsFiles, Token,
    UrlKeyFileError, UrlKeySource, read_url_keys,
};
pub use gpu::{GpuError, gpus, mps_is_active};
pub use interpreter::{
    Candidate, Installation, Interpreter, InterpreterError, OLDEST_MINOR, Origin, Places,
};
pub use local::{LocalError, run};
pub use log::{LogGuard, init as init_log};
pub use members::MembersError;
pub use other_users::others_on_loopback;
pub use pool::{Recycling, StartError};
pub use serve::serve;
pub use serve_error::ServeError;
pub use watched_file::FileError;
