//! The header `Prefer` (RFC 7240), as far as it is about jobs.

use std::time::Duration;

use actix_web::http::Method;
use actix_web::http::header::{HeaderMap, HeaderName};

use crate::front::guard::Access;

const PREFER: HeaderName = HeaderName::from_static("prefer");

/// Nobody waits longer in one request.
pub(super) const MAX_WAIT: Duration = Duration::from_secs(60 * 60);

/// A client's wish not to wait for the reply to its call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::front) struct Wish {
    /// How long it waits nevertheless, before it is told where the reply will be.
    pub(super) wait: Duration,
}

impl Wish {
    /// What a request wishes. It counts only for whoever may read all jobs: a signed URL is for one call,
    /// and a link for who opens it. A HEAD has no reply that could be fetched.
    pub(in crate::front) fn of(
        access: &Access,
        method: &Method,
        headers: &HeaderMap,
    ) -> Option<Self> {
        let may_have_jobs = matches!(access, Access::Program | Access::Page);
        if !may_have_jobs
            || method == Method::HEAD
            || preference(headers, "respond-async").is_none()
        {
            return None;
        }
        let seconds = preference(headers, "wait").and_then(|value| value.parse().ok());
        Some(Self { wait: Duration::from_secs(seconds.unwrap_or(0)).min(MAX_WAIT) })
    }
}

/// The value of a preference, of which the first counts; an empty one if it has none.
fn preference<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let values = headers.get_all(PREFER).filter_map(|value| value.to_str().ok());
    let mut named = values.flat_map(items).filter_map(|item| {
        let (token, value) = item.split_once('=').unwrap_or((item, ""));
        let is_named = token.trim().eq_ignore_ascii_case(name);
        is_named.then(|| value.trim().trim_matches('"'))
    });
    named.next()
}

/// The preferences of one header, without their parameters.
fn items(value: &str) -> impl Iterator<Item = &str> {
    let items = split_unquoted(value, ',');
    items.filter_map(|item| split_unquoted(item, ';').next()).map(str::trim)
}

/// The parts of a text between separators that stand in no quoted string.
fn split_unquoted(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut is_quoted = false;
    text.split(move |c| {
        is_quoted ^= c == '"';
        c == separator && !is_quoted
    })
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(&["respond-async"], Some(0))]
    #[case(&["Respond-Async, WAIT = 30"], Some(30))]
    #[case(&["wait=\"5\"", "return=minimal; foo=\"a;b\", respond-async; x=1"], Some(5))]
    #[case(&["wait=1, respond-async, wait=2"], Some(1))]
    #[case(&["respond-async, wait=soon"], Some(0))]
    #[case(&["respond-async, wait=-1"], Some(0))]
    #[case(&["respond-async, wait=999999999999"], Some(3600))]
    #[case(&["wait=30"], None)]
    #[case(&["respond-sync"], None)]
    #[case(&["foo=\"x, respond-async, y\""], None)]
    #[case(&[""], None)]
    #[case(&[], None)]
    fn a_wish_is_one_of_the_preferences(
        #[case] values: &[&'static str],
        #[case] wait: Option<u64>,
    ) {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(PREFER, HeaderValue::from_static(value));
        }
        let wish = |access, method| Wish::of(&access, &method, &headers);
        let expected = wait.map(|wait| Wish { wait: Duration::from_secs(wait) });
        assert_eq!(wish(Access::Program, Method::POST), expected);
        assert_eq!(wish(Access::Page, Method::GET), expected);
        assert_eq!(wish(Access::Program, Method::HEAD), None);
        assert_eq!(wish(Access::Signed, Method::GET), None);
    }
}
