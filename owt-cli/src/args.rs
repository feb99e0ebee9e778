//! Options that several commands have.

mod adaptor;
mod fields;
mod request;
mod server;
pub(crate) mod value;

pub(crate) use adaptor::{ARGUMENTS, AdaptorArgs, CodeArgs};
pub(crate) use fields::{FieldArgs, LocalFieldArgs, with_option_names};
pub(crate) use request::RequestArgs;
pub(crate) use server::{DEFAULTS, UrlArgs};
