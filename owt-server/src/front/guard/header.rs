//! Headers that count only if they were sent once: proxies and browsers differ in which of two they take.

use actix_web::http::header::{AsHeaderName, HeaderMap, HeaderValue};

/// A header that is there twice: whoever reads one of them may read another one than the next.
#[derive(Debug)]
pub(super) struct Repeated;

/// The value of a header that counts only if there is one.
pub(super) fn only(
    headers: &HeaderMap,
    name: impl AsHeaderName,
) -> Result<Option<&HeaderValue>, Repeated> {
    let mut values = headers.get_all(name);
    let first = values.next();
    match values.next() {
        Some(_) => Err(Repeated),
        None => Ok(first),
    }
}
