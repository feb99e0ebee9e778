//! What browsers say of a request beside its origin: whose idea it was, and what they want it for.

use actix_web::http::Method;
use actix_web::http::header::{ACCEPT, HeaderMap, HeaderName, HeaderValue, REFERER, USER_AGENT};
use url::Url;

use super::header::only;

/// What browsers add to a request that nobody has asked for yet: prefetches and prerenders, which any
/// page can have made for any URL, and which look as if the user had typed it. The first is that of
/// the Fetch standard, the others those of older browsers.
static SPECULATION: [HeaderName; 4] = [
    HeaderName::from_static("sec-purpose"),
    HeaderName::from_static("purpose"),
    HeaderName::from_static("x-purpose"),
    HeaderName::from_static("x-moz"),
];

static SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// What all browsers begin their name with, and nearly no program.
const BROWSER: &[u8] = b"Mozilla/";

/// Where a request comes from, as `Sec-Fetch-Site` has it: of a chain of redirects, the worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FetchSite {
    SameOrigin,
    /// Another port or subdomain.
    SameSite,
    /// No page: the user typed it, or another program opened it. It proves nothing, because some
    /// pages can have a browser say so.
    User,
    CrossSite,
}

/// `None` if the browser does not say: it is an old one, or asks over plain HTTP, or is none at all.
pub(super) fn site(headers: &HeaderMap) -> Option<FetchSite> {
    let site = only(headers, &SEC_FETCH_SITE).transpose()?;
    Some(match site.map(HeaderValue::as_bytes) {
        Ok(b"same-origin") => FetchSite::SameOrigin,
        Ok(b"same-site") => FetchSite::SameSite,
        Ok(b"none") => FetchSite::User,
        Ok(_) | Err(_) => FetchSite::CrossSite,
    })
}

pub(super) fn is_speculation(headers: &HeaderMap) -> bool {
    // Few headers are compared sooner than four names are looked up.
    headers.keys().any(|name| SPECULATION.contains(name))
}

/// Whether a browser shows the answer in a window of its own, and not in a frame or a picture.
pub(super) fn is_document(method: &Method, headers: &HeaderMap) -> bool {
    let says = |name, wanted: &[u8]| {
        only(headers, name).ok().flatten().is_some_and(|value| value.as_bytes() == wanted)
    };
    method == Method::GET
        && says("sec-fetch-mode", b"navigate")
        && says("sec-fetch-dest", b"document")
}

/// Whether a browser that does not say what it wants may show the answer as a page.
pub(super) fn may_be_document(method: &Method, headers: &HeaderMap) -> bool {
    method == Method::GET
        && headers.get_all(ACCEPT).any(|value| contains(value.as_bytes(), b"text/html"))
}

/// Whether a request says that it is a browser's.
pub(super) fn is_browser(headers: &HeaderMap) -> bool {
    headers.get_all(USER_AGENT).any(|value| contains(value.as_bytes(), BROWSER))
}

/// The page on which a link or a picture is. Browsers often leave it out.
pub(super) fn referer(headers: &HeaderMap) -> Option<Url> {
    let referer = only(headers, &REFERER).ok()??;
    referer.to_str().ok()?.parse().ok()
}

fn contains(text: &[u8], wanted: &[u8]) -> bool {
    text.windows(wanted.len()).any(|window| window.eq_ignore_ascii_case(wanted))
}
