//! Named endpoints: paths that are bound to a function of a file, so that a request brings its arguments
//! alone.

mod answer;
mod check;
mod config;
mod endpoint;
mod error;
mod openapi;
mod table;

pub use config::RouteConfig;
pub use error::RouteError;
pub(super) use table::Found;
pub(crate) use table::Routes;
