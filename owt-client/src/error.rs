//! Why there is no reply from an adaptor.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use owt_core::kwargs::KwargsError;
use owt_core::{BaseInvalid, ErrorKind, OwtifyError};
use reqwest::StatusCode;

#[cfg(feature = "tls")]
use crate::tls;
use crate::{ServerError, cause};

/// Why a call got no reply from the adaptor.
///
/// Three kinds are told apart: owt itself answered ([`Error::Server`]), the way there failed
/// ([`Error::Unreachable`], [`Error::Broken`], [`Error::TimedOut`], [`Error::NotHttp`],
/// [`Error::NotOwt`], and those of certificates), or the call could not even be made. What the adaptor
/// answers is a [`Reply`](crate::Reply), whatever its status, unless [`error_for_status`](crate::Reply::error_for_status) makes it an error.
///
/// No error shows source, arguments, credentials, or the query of a URL, in `Display` or in `Debug`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
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
    /// A file that is to be sent cannot be read.
    #[error("cannot read {path:?}, which is to be sent")]
    Upload {
        /// The file.
        path: PathBuf,
        /// Why it cannot be read.
        source: io::Error,
    },
    /// The arguments cannot be sent.
    #[error(transparent)]
    Kwargs(#[from] KwargsError),
    /// A header's name or value has a character that is not allowed there.
    #[error("a header cannot be sent as it is given")]
    Header,
    /// A call whose body is the adaptor's has source or arguments that are too long for a URL.
    #[error(
        "code and arguments are too long for a URL; send the body as a form, or call the adaptor \
         by POST without a body first"
    )]
    UrlTooLong,
    /// The HTTP client cannot be set up, or the request cannot be made.
    #[error("the request cannot be made")]
    Request(#[source] TransportError),
    /// The thread of a blocking client cannot be started.
    #[cfg(feature = "blocking")]
    #[error("no thread can be started for the client")]
    Thread(#[source] io::Error),
    /// No server answers at the base URL.
    #[error("cannot reach the server")]
    Unreachable(#[source] TransportError),
    /// The answer's head cannot be read: a server with a certificate is called by `http`, or what
    /// answers is not an HTTP server at all.
    #[error("the answer cannot be read as HTTP; a server that speaks HTTPS is called by https")]
    NotHttp(#[source] TransportError),
    /// The server is called by `https` and does not speak TLS, because it has no certificate.
    #[cfg(feature = "tls")]
    #[error("the server does not speak HTTPS; one that speaks plain HTTP is called by http")]
    NotTls,
    /// The server's certificate is neither trusted nor issued by one that is.
    #[cfg(feature = "tls")]
    #[error("the server's certificate has no trusted issuer")]
    UnknownIssuer,
    /// The server's certificate has expired, is for another host, or is wrong in another way.
    #[cfg(feature = "tls")]
    #[error("the server's certificate is not valid: {0}")]
    Certificate(String),
    /// The certificates that the client shall trust are not in PEM form, or are not certificates.
    #[cfg(feature = "tls")]
    #[error("the certificates to trust cannot be used")]
    RootCertificate(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The connection broke before the answer was complete.
    #[error("the answer broke off")]
    Broken(#[source] TransportError),
    /// Nothing arrived for longer than the read timeout.
    #[error("nothing came from the server for {0:?}")]
    TimedOut(Duration),
    /// Something other than owt answered: another server, or a proxy in between.
    #[error("the answer {0} does not come from owt")]
    NotOwt(StatusCode),
    /// Owt itself answered, instead of the adaptor.
    #[error("owt answered {0}")]
    Server(Box<ServerError>),
    /// A text is no id of a job: it has other characters than letters, digits, `-`, `.`, `_` and `~`.
    #[error("this is no id of a job")]
    JobId,
    /// The server runs calls while their client waits, and no jobs.
    #[error("the server takes no jobs: it answered {0}")]
    NoJob(StatusCode),
    /// The adaptor answered with a status of 400 or more.
    #[error("the adaptor answered {0}")]
    Status(StatusCode),
    /// The answer is not JSON of the wanted type.
    #[error("the answer is not the JSON that was expected")]
    NotJson(#[source] serde_json::Error),
    /// The answer is not a stream of server-sent events.
    #[error("the answer is not text/event-stream")]
    NotEvents,
}

impl Error {
    /// Whether the same call may be made again without fear that it runs twice.
    ///
    /// True if the adaptor has certainly not run, and a later try may fare better: no server was
    /// reached, or owt was too busy or about to stop. In all other cases, only the caller knows
    /// whether running the adaptor twice does harm.
    ///
    /// # Examples
    ///
    /// ```
    /// use owt_client::{Adaptor, Client, Error};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Error> {
    ///
    /// let client = Client::new("http://127.0.0.1:1")?;
    /// let err = client.call(Adaptor::from_source("1 + 1")).send().await.unwrap_err();
    /// assert!(err.is_safe_to_retry());
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn is_safe_to_retry(&self) -> bool {
        match self {
            Error::Unreachable(_) => true,
            Error::Server(err) => {
                ErrorKind::from_code(&err.code).is_some_and(ErrorKind::is_safe_to_retry)
            }
            _ => false,
        }
    }

    /// How long to wait before trying again, where owt says so.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use owt_client::{Adaptor, Client, Error};
    /// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/server.rs")); }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Error> {
    /// # let base = &server::refusing("503 Service Unavailable\r\nRetry-After: 1", "queue-full", "");
    ///
    /// let err = Client::new(base)?.call(Adaptor::from_source("1 + 1")).send().await.unwrap_err();
    /// assert_eq!(err.retry_after(), Some(Duration::from_secs(1)));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Error::Server(err) => err.retry_after,
            _ => None,
        }
    }

    /// The error of a request that got no answer.
    pub(crate) fn sending(err: reqwest::Error) -> Error {
        #[cfg(feature = "tls")]
        if let Some(failure) = tls::failure(&err) {
            return failure;
        }
        let variant = match () {
            () if err.is_connect() => Error::Unreachable,
            () if err.is_builder() => Error::Request,
            () if is_not_http(&err) => Error::NotHttp,
            () => Error::Broken,
        };
        variant(TransportError::new(err))
    }

    /// The error of an answer that had begun.
    pub(crate) fn reading(err: reqwest::Error) -> Error {
        Error::Broken(TransportError::new(err))
    }
}

/// What failed below HTTP: a connection, a name that is not found, or bytes that cannot be parsed. It
/// has a message, and causes such as an [`io::Error`]; the HTTP library behind it is not exposed.
pub struct TransportError(reqwest::Error);

impl TransportError {
    /// Without the URL, which may hold the whole call.
    pub(crate) fn new(err: reqwest::Error) -> TransportError {
        TransportError(err.without_url())
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for TransportError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.0)
    }
}

fn is_not_http(err: &reqwest::Error) -> bool {
    let err = cause::find::<hyper::Error>(err);
    err.is_some_and(hyper::Error::is_parse)
}

impl From<OwtifyError> for Error {
    fn from(err: OwtifyError) -> Error {
        match err {
            OwtifyError::Base(err) => Error::Base(err),
            OwtifyError::Kwargs(err) => Error::Kwargs(err),
            OwtifyError::TooLong => Error::UrlTooLong,
        }
    }
}
