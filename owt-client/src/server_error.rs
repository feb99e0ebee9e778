//! An answer of owt itself, instead of the adaptor's.

use std::fmt;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{Response, StatusCode};
use serde::Deserialize;

use crate::Error;
use crate::read_timeout::ReadTimeout;
use crate::reply::{self, REQUEST_ID};

const ERROR: &str = "owt-error";

/// Why owt answered a call itself.
///
/// `Debug` and `Display` leave out [`text`](ServerError::text): it may quote the adaptor's source.
///
/// # Examples
///
/// ```
/// use owt_client::{Adaptor, Client, Error};
/// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/server.rs")); }
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Error> {
/// # let base = &server::refusing("422 Unprocessable Content", "entry-missing", "The code has no function 'run'");
///
/// let err = Client::new(base)?.call(Adaptor::from_source("x = 1")).send().await.unwrap_err();
/// let Error::Server(err) = err else { panic!("{err}") };
/// assert_eq!(err.code, "entry-missing");
/// assert_eq!(err.text, "The code has no function 'run'");
/// # Ok(()) }
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerError {
    /// The HTTP status.
    pub status: StatusCode,
    /// The value of `Owt-Error`, such as `code-invalid`.
    pub code: String,
    /// Owt's message for a person: what is wrong, and what to do next.
    pub text: String,
    /// How long to wait before trying again, where owt says so.
    pub retry_after: Option<Duration>,
    /// The name of this request in the server's log.
    pub request_id: String,
}

impl fmt::Debug for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerError")
            .field("status", &self.status)
            .field("code", &self.code)
            .field("retry_after", &self.retry_after)
            .field("request_id", &self.request_id)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (request {})", self.code, self.request_id)
    }
}

/// The part of a problem document (RFC 9457) that is for a person.
#[derive(Deserialize)]
struct Problem {
    detail: String,
}

impl ServerError {
    /// Whether an answer is owt's own.
    pub(crate) fn is_in(headers: &HeaderMap) -> bool {
        headers.contains_key(ERROR)
    }

    /// Reads an answer that is owt's own.
    pub(crate) async fn read(
        mut response: Response,
        read_timeout: ReadTimeout,
    ) -> Result<ServerError, Error> {
        let headers = response.headers().clone();
        let body = reply::read_all(&mut response, read_timeout).await?;
        Ok(ServerError {
            status: response.status(),
            code: text(&headers, ERROR).unwrap_or_default(),
            text: message(&headers, &body),
            retry_after: text(&headers, RETRY_AFTER.as_str())
                .and_then(|seconds| seconds.parse().ok().map(Duration::from_secs)),
            request_id: text(&headers, REQUEST_ID).unwrap_or_default(),
        })
    }
}

/// Owt's message, which is in a problem document if the caller has asked for JSON.
fn message(headers: &HeaderMap, body: &[u8]) -> String {
    let is_problem = text(headers, CONTENT_TYPE.as_str())
        .is_some_and(|mime| mime.starts_with("application/problem+json"));
    match serde_json::from_slice::<Problem>(body) {
        Ok(problem) if is_problem => problem.detail,
        _ => String::from_utf8_lossy(body).trim_end().to_owned(),
    }
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}
