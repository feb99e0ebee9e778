//! What is read of a request's head.

use std::borrow::Cow;

use actix_web::http::Uri;
use actix_web::http::header::{CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue};
use owt_core::Headers;

/// The headers, with the host that the request line names. HTTP/2 has it nowhere else (RFC 9113,
/// section 8.3.1), and where HTTP/1.1 has both, the header does not count (RFC 9112, section 3.2.2).
pub(super) fn headers_with_host<'a>(uri: &Uri, headers: &'a HeaderMap) -> Cow<'a, HeaderMap> {
    let host = uri.authority().and_then(|host| HeaderValue::from_str(host.as_str()).ok());
    let Some(host) = host else { return Cow::Borrowed(headers) };
    let mut headers = headers.clone();
    headers.insert(HOST, host);
    Cow::Owned(headers)
}

pub(super) fn url_len(uri: &Uri) -> usize {
    uri.path_and_query().map_or(0, |url| url.as_str().len())
}

pub(super) fn declared_len(headers: &HeaderMap) -> u64 {
    text(headers, &CONTENT_LENGTH).parse().unwrap_or(0)
}

pub(super) fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// The headers as a handler sees them.
pub(super) fn seen(headers: &HeaderMap) -> Headers {
    let mut seen = Headers::with_capacity(headers.len());
    headers.iter().for_each(|(name, value)| seen.push(name.as_str(), value.as_bytes()));
    seen
}
