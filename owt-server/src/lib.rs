//! The owt server: an HTTP front in Rust, and CPython in worker processes.
//!
//! [`serve()`] is the front's whole life, [`worker()`] that of one worker process, and [`run()`] one
//! call with no server. Data flows one way: `front` → `dispatch` → `wire` →
//! `worker` → Python, and back; `pool` keeps the worker processes alive.

mod cache;
mod config;
mod dispatch;
mod front;
mod interpreter;
mod local;
mod log;
mod memory_budget;
mod package;
mod pool;
mod private;
mod serve;
mod spool;
mod stop;

pub use config::Config;
pub use front::{AllowedOrigin, Credential, NotACredential, NotAnOrigin, TlsError, TlsFiles};
pub use interpreter::{
    Candidate, Interpreter, InterpreterError, OLDEST_MINOR, Origin, Places,
};
pub use local::{LocalError, run};
pub use log::{LogGuard, init as init_log};
pub use pool::{Recycling, StartError};
pub use serve::{ServeError, serve};
