#![doc = include_str!("../README.md")]

mod adaptor;
mod call;
mod client;
mod error;
mod reply;

pub use adaptor::Adaptor;
pub use call::{CacheKey, Call};
pub use client::Client;
pub use error::{Error, Refusal};
pub use owt_core::{BaseInvalid, Code, Digest, Envelope, OwtifyError, kwargs::KwargsError, owtify};
pub use reply::Reply;
pub use reqwest::{Method, StatusCode, header};
