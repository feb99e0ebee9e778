//! The base URL to which an envelope is added.
//!
//! It is read as text, not with the `url` crate, whose tables of international host names would be
//! most of the JavaScript package. Whoever sends the request parses the URL in full.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// What is never written as it stands in a path or a query.
const UNSAFE: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'`').add(b'{').add(b'}').add(b'\\');

/// A base URL cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BaseInvalid {
    /// Its scheme is neither `http` nor `https`.
    #[error("the base URL is neither http nor https")]
    Scheme,
    /// It has no host, or an invalid one.
    #[error("the base URL names no valid host")]
    Host,
    /// Its port is not a number up to 65535.
    #[error("the base URL's port is not a number up to 65535")]
    Port,
    /// It has a query, and the URL is to be signed.
    #[error("the base URL has a query, and a signed URL has only the fields of its call")]
    Query,
}

/// The absolute form of a base URL: with its scheme and at least the path `/`, and without its fragment.
///
/// # Errors
///
/// If it is not an HTTP URL.
///
/// # Examples
///
/// ```
/// assert_eq!(owt_core::base::absolute("localhost:9876"), Ok("http://localhost:9876/".to_owned()));
/// ```
pub fn absolute(base: &str) -> Result<String, BaseInvalid> {
    let base = base.trim_ascii();
    let base = base.split_once('#').map_or(base, |(before, _)| before);
    let (scheme, rest) = split_scheme(base)?;
    let (authority, path) = split_at(rest, rest.find(['/', '?']));
    check_authority(authority)?;

    let slash = if path.starts_with('/') { "" } else { "/" };
    let path = utf8_percent_encode(path, UNSAFE);
    Ok(format!("{scheme}://{authority}{slash}{path}"))
}

/// Adds a query to a base URL, whose own query is kept.
pub(crate) fn with_query(base: &str, query: &str) -> Result<String, BaseInvalid> {
    let url = absolute(base)?;
    let joint = match url.split_once('?') {
        None => "?",
        Some((_, "")) => "",
        Some((_, own)) if own.ends_with('&') => "",
        Some(_) => "&",
    };
    Ok(format!("{url}{joint}{query}"))
}

/// Path and query of an absolute URL: the target in a request line.
pub(crate) fn target(url: &str) -> &str {
    let address = url.split_once(':').map_or(url, |(_, rest)| rest.trim_start_matches('/'));
    split_at(address, address.find('/')).1
}

/// The path and the query of an absolute URL.
pub(crate) fn split_target(url: &str) -> (&str, &str) {
    target(url).split_once('?').unwrap_or((target(url), ""))
}

/// `localhost:9876` is as good as `http://localhost:9876`.
fn split_scheme(base: &str) -> Result<(&'static str, &str), BaseInvalid> {
    let split =
        base.split_once(':').and_then(|(scheme, rest)| Some((scheme, rest.strip_prefix("//")?)));
    let (scheme, rest) = match split {
        Some((scheme, rest)) if !scheme.contains(['/', '?']) => (scheme, rest),
        _ => ("http", base),
    };
    let known = ["http", "https"].into_iter().find(|known| known.eq_ignore_ascii_case(scheme));
    known.map(|scheme| (scheme, rest)).ok_or(BaseInvalid::Scheme)
}

/// Splits text at the index that a search has found, or else at its end.
///
/// Slicing could panic, and that panic's message, which quotes the text, would be a tenth of the
/// JavaScript package.
fn split_at(text: &str, found: Option<usize>) -> (&str, &str) {
    found.and_then(|at| text.split_at_checked(at)).unwrap_or((text, ""))
}

fn check_authority(authority: &str) -> Result<(), BaseInvalid> {
    let address = authority.rsplit_once('@').map_or(authority, |(_, address)| address);
    let (host, port) = match address.rfind(']') {
        Some(end) => split_at(address, Some(end + 1)),
        None => split_at(address, address.find(':')),
    };
    let is_host = !host.is_empty()
        && host.starts_with('[') == host.ends_with(']')
        && !authority.contains(|c: char| {
            c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | '"' | '\\')
        });
    if !is_host {
        return Err(BaseInvalid::Host);
    }
    check_port(port)
}

/// Checks what follows the host: nothing, or a colon and perhaps a number.
fn check_port(port: &str) -> Result<(), BaseInvalid> {
    let is_port = match port.strip_prefix(':') {
        None => port.is_empty(),
        Some(digits) => {
            digits.is_empty()
                || digits.bytes().all(|byte| byte.is_ascii_digit()) && digits.parse::<u16>().is_ok()
        }
    };
    if is_port { Ok(()) } else { Err(BaseInvalid::Port) }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::nothing_but_a_host("http://localhost", "http://localhost/?q=1")]
    #[case::root("http://localhost:9876/", "http://localhost:9876/?q=1")]
    #[case::path("https://host/a/b", "https://host/a/b?q=1")]
    #[case::query("http://host/a?b=c", "http://host/a?b=c&q=1")]
    #[case::query_without_path("http://host?b=c", "http://host/?b=c&q=1")]
    #[case::empty_query("http://host/a?", "http://host/a?q=1")]
    #[case::query_that_ends_in_an_ampersand("http://host/?b&", "http://host/?b&q=1")]
    #[case::fragment("http://host/a#top", "http://host/a?q=1")]
    #[case::fragment_with_a_question_mark("http://host/a#b?c", "http://host/a?q=1")]
    #[case::credentials("http://me:p%40ss@host:1/", "http://me:p%40ss@host:1/?q=1")]
    #[case::at_sign_in_the_password("http://me:p@ss@host/", "http://me:p@ss@host/?q=1")]
    #[case::ipv6("http://[::1]:9876/x", "http://[::1]:9876/x?q=1")]
    #[case::ipv6_without_port("[fe80::1]", "http://[fe80::1]/?q=1")]
    #[case::no_scheme("localhost:9876/x", "http://localhost:9876/x?q=1")]
    #[case::no_scheme_and_a_url_in_the_query("host/?u=http://x", "http://host/?u=http://x&q=1")]
    #[case::scheme_in_capitals("HTTP://host", "http://host/?q=1")]
    #[case::empty_port("http://host:/x", "http://host:/x?q=1")]
    #[case::spaces_around("  http://host\n", "http://host/?q=1")]
    #[case::space_in_the_path("http://host/a b", "http://host/a%20b?q=1")]
    #[case::encoded_path("http://host/a%20b", "http://host/a%20b?q=1")]
    #[case::path_that_is_not_ascii("http://host/café", "http://host/caf%C3%A9?q=1")]
    #[case::international_host("http://café.example/", "http://café.example/?q=1")]
    fn a_query_is_added(#[case] base: &str, #[case] url: &str) {
        assert_eq!(with_query(base, "q=1"), Ok(url.to_owned()));
    }

    #[rstest]
    #[case::empty("", BaseInvalid::Host)]
    #[case::path_alone("/a", BaseInvalid::Host)]
    #[case::scheme_alone("http://", BaseInvalid::Host)]
    #[case::port_alone(":9876", BaseInvalid::Host)]
    #[case::space_in_the_host("a b", BaseInvalid::Host)]
    #[case::open_bracket("http://[::1", BaseInvalid::Host)]
    #[case::file("file:///etc", BaseInvalid::Scheme)]
    #[case::ftp("ftp://host", BaseInvalid::Scheme)]
    #[case::port_is_a_word("http://host:http", BaseInvalid::Port)]
    #[case::port_is_too_large("http://host:65536", BaseInvalid::Port)]
    #[case::port_has_a_sign("http://host:+1", BaseInvalid::Port)]
    #[case::words_after_ipv6("http://[::1]x", BaseInvalid::Port)]
    fn a_base_that_is_no_http_url_is_refused(#[case] base: &str, #[case] err: BaseInvalid) {
        assert_eq!(with_query(base, "q=1"), Err(err));
    }
}
