//! The HTTP front: it reads requests, decides who may call, and hands calls to the workers. Python
//! never runs in it.

mod access_log;
mod answer;
mod auth;
mod body;
mod client;
mod connection;
mod connections;
mod disposition;
mod gone;
mod guard;
mod handler;
mod incoming;
mod metrics;
mod multipart;
mod near_miss;
mod reserved;
mod static_files;
mod tls;

pub use auth::{Credential, NotACredential};
pub(crate) use connection::{Settings as ConnectionSettings, listen};
pub(crate) use connections::Connections;
pub(crate) use guard::Guard;
pub use guard::{AllowedOrigin, NotAnOrigin};
use handler::handle;
pub(crate) use handler::{Front, Site};
pub(crate) use static_files::StaticFiles;
pub use tls::{TlsError, TlsFiles};
