//! The HTTP front: it reads requests, decides who may call, and hands calls to the workers. Python
//! never runs in it.

mod answer;
mod auth;
mod body;
mod client;
mod connections;
mod disposition;
mod gone;
mod guard;
mod handler;
mod incoming;
mod metrics;
mod multipart;
mod reserved;
mod tls;

pub use auth::{Credential, NotACredential};
pub(crate) use connections::Connections;
pub(crate) use guard::Guard;
pub use guard::{AllowedOrigin, NotAnOrigin};
pub(crate) use handler::{Front, Site, handle};
pub use tls::{TlsError, TlsFiles};
