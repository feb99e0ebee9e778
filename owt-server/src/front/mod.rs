//! The HTTP front: it reads requests, decides who may call, and hands calls to an
//! [`Executor`](owt_core::Executor). It knows no more of it than that trait.

mod access_log;
mod admin;
mod approved;
mod auth;
mod body;
mod call;
mod client;
mod confirm;
mod connection;
mod connections;
mod context;
mod counters;
mod disconnect;
mod disposition;
mod drain;
mod guard;
mod handler;
mod headers;
mod incoming;
mod limits;
mod metrics;
mod multipart;
mod near_miss;
mod request_ids;
mod response;
mod signed_urls;
mod state;
mod static_files;
mod static_folder;
#[cfg(test)]
mod tests;
mod tls;
mod url_key_file;

pub(crate) use approved::Approval;
pub use approved::ApprovedCode;
pub(crate) use auth::Auth;
pub use auth::{Credential, Credentials, NotACredential, NotAToken, Token};
pub(crate) use confirm::Place;
pub(crate) use confirm::confirmations::Confirmations;
pub(crate) use connection::{Listener, Settings as ConnectionSettings, listen};
pub(crate) use connections::Connections;
pub(crate) use counters::RequestCounters;
pub(crate) use drain::Drain;
pub(crate) use guard::Guard;
pub use guard::{AllowedOrigin, NotAnOrigin};
pub use limits::RequestLimits;
pub(crate) use request_ids::RequestIds;
pub(crate) use signed_urls::SignedUrls;
pub use signed_urls::UrlKeySource;
pub(crate) use state::{AppState, Front};
pub(crate) use static_files::StaticFiles;
pub use tls::{TlsError, TlsFiles};
pub use url_key_file::{UrlKeyFileError, read as read_url_keys};
