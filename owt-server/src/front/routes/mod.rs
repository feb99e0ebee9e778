//! Named endpoints: paths that are bound to a function of a file, so that a request brings its arguments
//! alone.

mod answer;
mod check;
mod config;
mod endpoint;
mod error;
mod openapi;
mod table;

pub(super) use answer::cache_key;
pub use config::RouteConfig;
pub(super) use endpoint::Endpoint;
pub use error::RouteError;
pub(super) use openapi::names_in_path;
pub(super) use table::Found;
pub(crate) use table::Routes;
