#![doc = include_str!("../README.md")]

mod adaptor;
mod address;
#[cfg(feature = "blocking")]
pub mod blocking;
mod body;
mod builder;
mod call;
mod cause;
mod client;
mod error;
mod events;
mod form;
mod job;
mod progress;
mod read_timeout;
mod reply;
mod send;
mod sent_sources;
mod server_error;
mod stream;
#[cfg(feature = "tls")]
mod tls;

pub use adaptor::Adaptor;
pub use body::Body;
pub use builder::ClientBuilder;
pub use call::{CacheKey, Call};
pub use client::Client;
pub use error::{Error, TransportError};
pub use events::{Event, Events};
pub use form::Form;
pub use job::{Job, JobState, JobStatus};
pub use owt_core::{
    BaseInvalid, Code, Digest, Envelope, KeepAlive, OwtifyError, Progress, UrlKey, UrlKeyInvalid,
    UrlKeys, kwargs::KwargsError, owtify, owtify_signed,
};
pub use reply::Reply;
pub use reqwest::{Method, StatusCode, header};
pub use server_error::ServerError;
pub use stream::ByteStream;
