//! Options that several commands have.

mod adaptor;
mod connection;
mod dependencies;
mod fields;
mod request;
mod server;
mod url_key;
pub(crate) mod value;

pub(crate) use adaptor::{ARGUMENTS, AdaptorArgs, CodeArgs};
pub(crate) use connection::ConnectionArgs;
pub(crate) use dependencies::DependencyArgs;
pub(crate) use fields::{FieldArgs, LocalFieldArgs, with_option_names};
pub(crate) use request::RequestArgs;
pub(crate) use server::{DEFAULTS, UrlArgs};
pub(crate) use url_key::{UrlKeyArgs, bad_url_keys};
