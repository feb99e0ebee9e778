//! Whom the guard lets call.

use actix_web::http::header::HeaderName;
use futures_util::FutureExt as _;
use rstest::rstest;

use super::*;

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    headers
}

fn guard(address: &str) -> Guard {
    let origins = vec!["https://app.example".parse().unwrap()];
    let auth = Auth::new(Vec::new(), None).unwrap();
    Guard::new(address.parse().unwrap(), auth, origins, vec!["box.example".to_owned()])
}

/// Nothing has to be waited for: nobody has guessed yet.
fn admit(guard: &Guard, method: &Method, headers: &HeaderMap) -> Result<Access, Error> {
    guard.admit(method, headers, Peer::default()).now_or_never().unwrap()
}

/// The way in which a `GET` is allowed, or the code of the error.
fn verdict(address: &str, pairs: &[(&str, &str)]) -> &'static str {
    word(admit(&guard(address), &Method::GET, &headers(pairs)))
}

fn word(outcome: Result<Access, Error>) -> &'static str {
    match outcome {
        Ok(Access::Program) => "program",
        Ok(Access::Page) => "page",
        Ok(Access::Signed) => "signed",
        Ok(Access::Link(Link { is_page: true, .. })) => "link",
        Ok(Access::Link(_)) => "no page",
        Err(err) => err.code(),
    }
}

#[rstest]
#[case("localhost", "program")]
#[case("localhost:9876", "program")]
#[case("LOCALHOST.:1", "program")]
#[case("127.0.0.1:9876", "program")]
#[case("127.9.9.9", "program")]
#[case("[::1]:9876", "program")]
#[case("box.example:9876", "program")]
#[case("evil.example", "host-not-allowed")]
#[case("localhost.evil.example", "host-not-allowed")]
#[case("evil.example#localhost", "host-not-allowed")]
#[case("localhost@evil.example", "host-not-allowed")]
#[case("10.0.0.1", "host-not-allowed")]
#[case("0.0.0.0:9876", "host-not-allowed")]
#[case("[::1", "host-not-allowed")]
#[case("", "host-not-allowed")]
#[case("\u{e9}", "host-not-allowed")]
fn on_loopback_the_host_must_be_loopback(#[case] host: &str, #[case] expected: &str) {
    assert_eq!(verdict("127.0.0.1", &[("host", host)]), expected);
}

#[rstest]
#[case("10.0.0.1:9876", "program")]
#[case("[2001:db8::1]", "program")]
#[case("localhost", "program")]
#[case("box.example", "program")]
#[case("evil.example", "host-not-allowed")]
fn beyond_loopback_any_address_but_no_strange_name_will_do(
    #[case] host: &str,
    #[case] expected: &str,
) {
    assert_eq!(verdict("0.0.0.0", &[("host", host)]), expected);
}

#[test]
fn a_request_without_host_is_refused() {
    assert_eq!(verdict("127.0.0.1", &[]), "host-not-allowed");
}

#[rstest]
#[case("http://localhost:5173", "page")]
#[case("http://127.0.0.1", "page")]
#[case("https://[::1]:8443", "page")]
#[case("https://app.example", "page")]
#[case("https://app.example:443", "page")]
#[case("http://app.example", "origin-not-allowed")]
#[case("https://app.example.evil.example", "origin-not-allowed")]
#[case("https://app.example@evil.example", "origin-not-allowed")]
#[case("http://localhost.evil.example", "origin-not-allowed")]
#[case("http://evil.example", "origin-not-allowed")]
#[case("null", "origin-not-allowed")]
#[case("file://", "origin-not-allowed")]
#[case("", "origin-not-allowed")]
fn an_origin_must_be_loopback_or_listed(#[case] origin: &str, #[case] expected: &str) {
    let pairs = [("host", "localhost:9876"), ("origin", origin), ("sec-fetch-site", "cross-site")];
    assert_eq!(verdict("127.0.0.1", &pairs), expected);
}

#[rstest]
#[case::at_another_port("localhost:9876", Some("http://localhost:5173"), "same-site", "page")]
#[case::without_an_origin("127.0.0.1:9876", None, "same-site", "page")]
#[case::at_a_name("box.example", Some("http://localhost:5173"), "cross-site", "origin-not-allowed")]
#[case::of_a_sibling(
    "box.example",
    Some("https://blog.example"),
    "same-site",
    "origin-not-allowed"
)]
#[case::of_a_sibling_without_an_origin("box.example", None, "same-site", "cross-site")]
#[case::of_the_name_itself("box.example", None, "same-origin", "page")]
fn other_ports_of_this_machine_are_trusted_by_its_own_names_alone(
    #[case] host: &str,
    #[case] origin: Option<&str>,
    #[case] site: &str,
    #[case] expected: &str,
) {
    let mut pairs = vec![("host", host), ("sec-fetch-site", site)];
    pairs.extend(origin.map(|origin| ("origin", origin)));
    assert_eq!(verdict("127.0.0.1", &pairs), expected);
}

#[rstest]
#[case("http://10.0.0.1:9876", "page")]
#[case("http://10.0.0.1:3000", "origin-not-allowed")]
#[case("http://localhost:9876", "origin-not-allowed")]
fn beyond_loopback_a_page_of_this_server_may_call_it(#[case] origin: &str, #[case] expected: &str) {
    let pairs = [("host", "10.0.0.1:9876"), ("origin", origin)];
    assert_eq!(verdict("0.0.0.0", &pairs), expected);
}

#[rstest]
#[case::of_this_server("https://box.example", Some("same-origin"), "page")]
#[case::without_encryption("http://box.example", Some("cross-site"), "origin-not-allowed")]
#[case::by_an_old_browser("http://box.example", Some("same-site"), "origin-not-allowed")]
#[case::opened_by_its_user("https://box.example", Some("none"), "page")]
#[case::not_said("https://box.example", None, "page")]
#[case::listed("https://app.example", Some("cross-site"), "page")]
fn a_page_is_of_this_server_unless_its_browser_says_that_it_is_not(
    #[case] origin: &str,
    #[case] site: Option<&str>,
    #[case] expected: &str,
) {
    let mut pairs = vec![("host", "box.example"), ("origin", origin)];
    pairs.extend(site.map(|site| ("sec-fetch-site", site)));
    assert_eq!(verdict("0.0.0.0", &pairs), expected);
}

#[rstest]
#[case("127.0.0.1", "none", "no page", "link")]
#[case("127.0.0.1", "same-origin", "page", "page")]
#[case("127.0.0.1", "same-site", "page", "page")]
#[case("127.0.0.1", "cross-site", "cross-site", "link")]
#[case("127.0.0.1", "else", "cross-site", "link")]
#[case("0.0.0.0", "same-site", "cross-site", "link")]
#[case("0.0.0.0", "none", "no page", "link")]
fn without_an_origin_the_fetch_site_decides(
    #[case] address: &str,
    #[case] site: &str,
    #[case] in_a_page: &str,
    #[case] opened: &str,
) {
    let pairs = [("host", "localhost"), ("sec-fetch-site", site)];
    assert_eq!(verdict(address, &pairs), in_a_page);
    let opening = [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];
    assert_eq!(verdict(address, &[&pairs[..], &opening].concat()), opened);
    let framed = [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")];
    assert_eq!(verdict(address, &[&pairs[..], &framed].concat()), in_a_page);
}

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

/// What is open, and what is in a page, as browsers ask for it over plain HTTP.
const HTML: &str = "text/html,application/xhtml+xml,*/*;q=0.8";
const IMAGE: &str = "image/avif,image/webp,*/*;q=0.8";

#[rstest]
#[case::picture(&[("accept", IMAGE)], "no page")]
#[case::anything(&[], "no page")]
#[case::opened(&[("accept", HTML)], "link")]
#[case::of_a_foreign_page(&[("accept", HTML), ("referer", "http://evil.example/")], "link")]
#[case::of_this_server(&[("accept", IMAGE), ("referer", "http://box.example:9876/a?b")], "page")]
#[case::of_this_server_by_a_query(&[("referer", "http://box.example:9876/?a")], "page")]
#[case::of_this_server_after_a_redirect(&[("referer", "http://box.example:9876/")], "no page")]
#[case::of_another_port(&[("accept", IMAGE), ("referer", "http://box.example:80/")], "no page")]
#[case::of_a_listed_origin(&[("referer", "https://app.example/")], "page")]
#[case::of_two_pages(
    &[("referer", "https://app.example/"), ("referer", "http://evil.example/")],
    "no page"
)]
#[case::of_no_page(&[("referer", "about:blank")], "no page")]
#[case::with_an_origin(&[("origin", "https://app.example")], "page")]
#[case::with_a_foreign_origin(&[("origin", "http://evil.example")], "origin-not-allowed")]
fn a_browser_that_does_not_say_where_a_request_comes_from_has_to_show_it(
    #[case] pairs: &[(&str, &str)],
    #[case] expected: &str,
) {
    let browser = [("host", "box.example:9876"), ("user-agent", FIREFOX)];
    assert_eq!(verdict("0.0.0.0", &[&browser[..], pairs].concat()), expected);
    let program = [("host", "box.example:9876"), ("user-agent", "curl/8.0")];
    let is_refused = expected == "origin-not-allowed";
    let is_page = pairs.iter().any(|(name, _)| *name == "origin") && !is_refused;
    let by_program = if is_refused {
        expected
    } else if is_page {
        "page"
    } else {
        "program"
    };
    assert_eq!(verdict("0.0.0.0", &[&program[..], pairs].concat()), by_program);
}

#[test]
fn what_browsers_never_send_without_an_origin_comes_from_a_program() {
    let headers = headers(&[("host", "box.example"), ("user-agent", FIREFOX)]);
    let guard = guard("0.0.0.0");
    assert_eq!(word(admit(&guard, &Method::HEAD, &headers)), "no page");
    assert_eq!(word(admit(&guard, &Method::POST, &headers)), "program");
}

/// The token is one that no browser would add by itself.
#[rstest]
#[case("Bearer a-token-of-thirty-two-characters", "program")]
#[case("Basic YW5uOmZvbw==", "no page")]
fn a_token_shows_that_no_page_has_a_browser_send_this(#[case] value: &str, #[case] expected: &str) {
    let token: super::super::Token = "a-token-of-thirty-two-characters".parse().unwrap();
    let ann = format!("ann:{}", owt_core::Digest::of("foo")).parse().unwrap();
    let auth = Auth::new(vec![ann, (&token).into()], None).unwrap();
    let guard = Guard::new([0, 0, 0, 0].into(), auth, Vec::new(), vec!["box.example".to_owned()]);
    let headers =
        headers(&[("host", "box.example"), ("user-agent", FIREFOX), ("authorization", value)]);
    assert_eq!(word(admit(&guard, &Method::GET, &headers)), expected);
}

#[rstest]
#[case(&[("origin", "http://localhost:9876")], "page")]
#[case(&[("origin", "http://localhost:5173")], "origin-not-allowed")]
#[case(&[("origin", "http://127.0.0.1:9876")], "origin-not-allowed")]
#[case(&[("origin", "https://app.example")], "page")]
#[case(&[("sec-fetch-site", "same-origin")], "page")]
#[case(&[("sec-fetch-site", "same-site")], "cross-site")]
#[case(&[], "program")]
fn with_a_password_another_port_is_another_origin(
    #[case] pairs: &[(&str, &str)],
    #[case] expected: &str,
) {
    // ann:foo
    let authorized = [("host", "localhost:9876"), ("authorization", "Basic YW5uOmZvbw==")];
    let headers = headers(&[&authorized[..], pairs].concat());
    assert_eq!(word(admit(&guarded(), &Method::GET, &headers)), expected);
}

#[rstest]
#[case("host", "localhost:9876", "host-not-allowed")]
#[case("origin", "http://localhost:5173", "origin-not-allowed")]
#[case("sec-fetch-site", "same-origin", "cross-site")]
fn what_is_said_twice_does_not_count(
    #[case] name: &str,
    #[case] value: &str,
    #[case] expected: &str,
) {
    let mut pairs = vec![("host", "localhost:9876")];
    pairs.retain(|pair| pair.0 != name);
    pairs.extend([(name, value), (name, value)]);
    assert_eq!(verdict("127.0.0.1", &pairs), expected);
}

#[rstest]
#[case(&[("sec-purpose", "prefetch"), ("sec-fetch-site", "none")])]
#[case(&[("sec-purpose", "prefetch;prerender"), ("sec-fetch-site", "none")])]
#[case(&[("sec-purpose", "prefetch;anonymous-client-ip"), ("sec-fetch-site", "same-origin")])]
#[case(&[("sec-purpose", "")])]
#[case(&[("purpose", "prefetch")])]
#[case(&[("purpose", "prefetch"), ("origin", "http://localhost:5173")])]
#[case(&[("x-purpose", "preview")])]
#[case(&[("x-moz", "prefetch")])]
fn what_a_browser_fetches_ahead_of_its_user_is_refused(#[case] pairs: &[(&str, &str)]) {
    let pairs = [&[("host", "localhost")], pairs].concat();
    assert_eq!(verdict("127.0.0.1", &pairs), "cross-site");
    assert_eq!(verdict("0.0.0.0", &pairs), "cross-site");
    let preflight = guard("127.0.0.1").admit_preflight(&headers(&pairs));
    assert_eq!(preflight.unwrap_err().code(), "cross-site");
}

/// A guard that wants ann's password, which is foo.
fn guarded() -> Guard {
    let ann = format!("ann:{}", owt_core::Digest::of("foo")).parse().unwrap();
    let origins = vec!["https://app.example".parse().unwrap()];
    let auth = Auth::new(vec![ann], None).unwrap();
    Guard::new([127, 0, 0, 1].into(), auth, origins, Vec::new())
}

#[test]
fn who_has_no_password_learns_nothing_about_origins() {
    let headers = headers(&[("host", "localhost"), ("origin", "http://evil.example")]);
    assert_eq!(word(admit(&guarded(), &Method::GET, &headers)), "auth-required");
    let preflight = guarded().admit_preflight(&headers);
    assert_eq!(preflight.unwrap_err().code(), "origin-not-allowed");
}
