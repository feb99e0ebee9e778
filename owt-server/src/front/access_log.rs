//! What the log says of requests: a line for each that failed, and if the server was told so, one for
//! each that was answered.
//!
//! Code is named by its file and its digest. Of the rest of a request, a line shows method and path:
//! the query may hold code and arguments.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use bytes::Bytes;
use owt_core::{Digest, Failure, FileName};

use super::response;

/// How many characters of anything that others have chosen are shown.
const MAX_SHOWN: usize = 200;

/// The file that a call's code is from, kept with the request until its line is written.
struct Named(FileName);

/// Keeps the name of what a request runs.
pub(super) fn name(request: &HttpRequest, name: Option<&FileName>) {
    if let Some(name) = name {
        request.extensions_mut().insert(Named(name.clone()));
    }
}

/// Logs that a call came to nothing, with the type of the exception and the line that it came from.
/// Of what a client sent, this shows no more than the digest; and of requests that became no call,
/// nothing, or anybody could fill the log.
pub(super) fn failure(id: &str, failure: &Failure, digest: Option<Digest>) {
    let code = failure.error.code();
    let place = failure.place.as_deref().map(|place| format!(": {}", printable(place)));
    let place = place.unwrap_or_default();
    match digest {
        Some(digest) if response::is_fault(&failure.error) => {
            tracing::warn!("[{id}] {code} in {digest:.12}{place}");
        }
        Some(digest) => tracing::info!("[{id}] {code} in {digest:.12}{place}"),
        None => tracing::debug!("[{id}] {code}"),
    }
}

/// The beginning of a line that is written once the answer has gone out, or nobody reads it any more.
pub(super) struct Line {
    began: Instant,
    request: String,
}

impl Line {
    pub(super) fn begin(request: &HttpRequest) -> Line {
        let (method, path) = (printable(request.method().as_str()), printable(request.path()));
        Line { began: Instant::now(), request: format!("{method} {path}") }
    }

    /// Has the line written at the end of an answer.
    pub(super) fn end_with(
        self,
        response: HttpResponse,
        request: &HttpRequest,
        id: &str,
        digest: Option<Digest>,
    ) -> HttpResponse {
        let begin = format!("[{id}] {} {}", self.request, response.status().as_u16());
        let digest = digest.map(|digest| format!(" {digest:.12}"));
        let name = request.extensions().get::<Named>().map(|Named(name)| format!(" {name}"));
        let end = [digest, name].into_iter().flatten().collect();
        let body = |body| BoxBody::new(Logged { body, began: self.began, begin, end });
        response.map_body(|_, inner| body(inner))
    }
}

/// A body whose end is logged.
struct Logged {
    body: BoxBody,
    began: Instant,
    begin: String,
    end: String,
}

impl MessageBody for Logged {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(cx)
    }
}

impl Drop for Logged {
    fn drop(&mut self) {
        let millis = self.began.elapsed().as_secs_f64() * 1000.0;
        tracing::info!("{} {millis:.1} ms{}", self.begin, self.end);
    }
}

/// Text in which nothing can pass for another line, or for an order to a terminal.
fn printable(text: &str) -> String {
    let shown: String = text.chars().take(MAX_SHOWN).collect();
    shown.escape_debug().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_have_chosen_is_short_and_of_one_line() {
        assert_eq!(printable("/a/\u{e9}"), "/a/\u{e9}");
        assert_eq!(printable("a\n\u{1b}[2J"), "a\\n\\u{1b}[2J");
        assert_eq!(printable(&"a".repeat(1000)).len(), MAX_SHOWN);
    }
}
