//! Warnings of fields that a request may have misspelt: a header of the answer, and a line in the log.

use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use owt_core::NearMiss;

pub(super) const OWT_WARNING: HeaderName = HeaderName::from_static("owt-warning");

/// What the answer warns of, kept with the request until then.
struct Warnings(Vec<HeaderValue>);

/// Logs near misses, and keeps them for the answer.
pub(super) fn note(request: &HttpRequest, id: &str, near_misses: &[NearMiss]) {
    if near_misses.is_empty() {
        return;
    }
    let sentences = near_misses.iter().map(NearMiss::sentence);
    let sentences = sentences.inspect(|sentence| tracing::warn!("[{id}] {sentence}"));
    let values = sentences.filter_map(|sentence| HeaderValue::from_str(&sentence).ok());
    request.extensions_mut().insert(Warnings(values.collect()));
}

/// Adds to an answer what was noted of its request.
pub(super) fn warn(request: &HttpRequest, response: &mut HttpResponse) {
    if let Some(Warnings(values)) = request.extensions().get() {
        for value in values {
            response.headers_mut().append(OWT_WARNING, value.clone());
        }
    }
}
