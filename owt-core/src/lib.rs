//! What an owt request means: its envelope, arguments, digests and errors.
//!
//! Nothing here opens a socket, starts a thread or runs Python, so the server, the clients and the
//! JavaScript package (compiled to WebAssembly) share one implementation.

pub mod base;
pub mod call;
pub mod codec;
pub mod digest;
pub mod envelope;
pub mod error;
pub mod executor;
mod file_name;
mod headers;
mod keep_alive;
pub mod kwargs;
pub mod owtify;
pub mod progress;
mod sentence;
pub mod signature;
pub mod stats;

pub use base::BaseInvalid;
pub use call::{CachePolicy, Call, Code, Content, Entry, Part, Request, Source};
pub use digest::Digest;
pub use envelope::{
    DEFAULT_FN_NAME, Envelope, Field, FieldKind, FieldValue, NearMiss, ReadCode, ValueInvalid,
};
pub use error::{Error, ErrorKind};
pub use executor::{
    BodyStream, CallGuard, CallInfo, CallState, Control, DEFAULT_POOL, Executor, Failure, Health,
    PoolHealth, ProgressStream, Reply, ReplyBody, ReplyHead, Timing,
};
pub use file_name::FileName;
pub use headers::Headers;
pub use keep_alive::{KeepAlive, NotKeepAlive};
pub use owtify::{OwtifyError, owtify};
pub use progress::Progress;
pub use signature::{UrlKey, UrlKeyInvalid, UrlKeys, owtify_signed};
