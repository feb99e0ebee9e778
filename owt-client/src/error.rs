//! Why there is no answer of an adaptor.

use std::io;
use std::path::PathBuf;

use owt_core::BaseInvalid;
use owt_core::kwargs::KwargsError;
use reqwest::StatusCode;

/// Why a call gave no answer of the adaptor.
///
/// No error holds the query of a URL, since that may be a whole program.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The base URL cannot be used.
    #[error(transparent)]
    Base(#[from] BaseInvalid),
    /// The base URL is `https`, and the feature `tls` is off.
    #[error("the base URL is https, and this client is built without TLS")]
    NoTls,
    /// The adaptor's file cannot be read.
    #[error("cannot read the adaptor {path:?}")]
    Adaptor {
        /// The file.
        path: PathBuf,
        /// Why it cannot be read.
        source: io::Error,
    },
    /// The arguments cannot be sent.
    #[error(transparent)]
    Kwargs(#[from] KwargsError),
    /// No server answers at the base URL.
    #[error("cannot reach the server")]
    Unreachable(#[source] reqwest::Error),
    /// The request cannot be made.
    #[error("the request cannot be made")]
    Request(#[source] reqwest::Error),
    /// The connection broke before the answer was complete.
    #[error("the answer broke off")]
    Broken(#[source] reqwest::Error),
    /// The answer is not JSON of the wanted type.
    #[error("the answer is not the JSON that was expected")]
    NotJson(#[source] serde_json::Error),
    /// Owt itself answered, instead of the adaptor.
    #[error("owt answered {}", .0.code)]
    Refused(Refusal),
}

/// What owt says when it answers instead of the adaptor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: StatusCode,
    /// The value of `Owt-Error`, such as `code-invalid`.
    pub code: String,
    /// Owt's words for a person.
    pub text: String,
}

impl Error {
    /// What became of a request that got no answer.
    pub(crate) fn sending(err: reqwest::Error) -> Error {
        match err.without_url() {
            err if err.is_connect() => Error::Unreachable(err),
            err if err.is_builder() || err.is_redirect() => Error::Request(err),
            err => Error::Broken(err),
        }
    }

    /// What became of an answer that had begun.
    pub(crate) fn reading(err: reqwest::Error) -> Error {
        Error::Broken(err.without_url())
    }
}
