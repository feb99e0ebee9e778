//! Whom this server serves at all. Runs before anything of a request is decoded.
//!
//! A program that can reach the port may call. A web page may not, unless it is one of our own:
//! browsers send requests for any page that their user visits, so a request must name this server
//! (no DNS rebinding) and come from an origin that is allowed.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use actix_web::http::Method;
use actix_web::http::header::{
    ACCESS_CONTROL_REQUEST_METHOD, HOST, HeaderMap, HeaderValue, ORIGIN,
};
use owt_core::Error;
use url::{Host, Origin, Url};

use super::auth::{self, Credential};

const SEC_FETCH_SITE: &str = "sec-fetch-site";

/// What browsers add to a request that nobody has asked for yet: prefetches and prerenders, which any
/// page can have made for any URL, and which look as if the user had typed it. The first is that of
/// the Fetch standard, the others those of older browsers.
const SPECULATION: [&str; 4] = ["sec-purpose", "purpose", "x-purpose", "x-moz"];

/// A web origin (RFC 6454) whose pages may call: `scheme://host` with an optional port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedOrigin(Origin);

/// A text is not a web origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("takes an origin such as https://example.org or http://10.0.0.5:3000, without a path")]
pub struct NotAnOrigin;

impl FromStr for AllowedOrigin {
    type Err = NotAnOrigin;

    fn from_str(text: &str) -> Result<Self, NotAnOrigin> {
        let url = Url::parse(text).map_err(|_| NotAnOrigin)?;
        let is_bare = url.path().trim_start_matches('/').is_empty()
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty();
        match url.origin() {
            origin @ Origin::Tuple(..) if is_bare => Ok(Self(origin)),
            _ => Err(NotAnOrigin),
        }
    }
}

impl fmt::Display for AllowedOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.ascii_serialization())
    }
}

/// Decides by address, `Host`, `Authorization`, `Sec-Purpose`, `Origin` and `Sec-Fetch-Site`.
#[derive(Debug)]
pub(crate) struct Guard {
    address: IpAddr,
    credentials: Vec<Credential>,
    origins: Vec<AllowedOrigin>,
    hosts: Vec<String>,
}

impl Guard {
    pub(crate) fn new(
        address: IpAddr,
        credentials: Vec<Credential>,
        origins: Vec<AllowedOrigin>,
        mut hosts: Vec<String>,
    ) -> Self {
        if !address.is_loopback() {
            hosts.extend(host_name());
        }
        Self { address, credentials, origins, hosts }
    }

    /// Whether a request is a CORS preflight: a question of the browser's, not a call.
    pub(super) fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
        method == Method::OPTIONS
            && headers.contains_key(ORIGIN)
            && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
    }

    /// Decides on a call.
    pub(super) fn admit(&self, headers: &HeaderMap) -> Result<(), Error> {
        self.check_host(headers)?;
        if !self.credentials.is_empty() && !auth::is_authorised(&self.credentials, headers) {
            return Err(Error::AuthRequired);
        }
        self.check_origin(headers)
    }

    /// Decides on a preflight, which never carries credentials.
    pub(super) fn admit_preflight(&self, headers: &HeaderMap) -> Result<(), Error> {
        self.check_host(headers)?;
        self.check_origin(headers)
    }

    /// The origin that may read the answer, if the request came from one.
    pub(super) fn readable_by<'a>(&self, headers: &'a HeaderMap) -> Option<&'a HeaderValue> {
        let origin = headers.get(ORIGIN)?;
        let is_allowed = self.check_host(headers).is_ok() && self.check_origin(headers).is_ok();
        is_allowed.then_some(origin)
    }

    fn check_host(&self, headers: &HeaderMap) -> Result<(), Error> {
        let text = headers.get(HOST).map(|host| String::from_utf8_lossy(host.as_bytes()));
        let text = text.unwrap_or_default();
        match parse_host(&text).is_some_and(|host| self.is_own_host(&host)) {
            true => Ok(()),
            false => Err(Error::HostNotAllowed(text.into_owned())),
        }
    }

    fn is_own_host(&self, host: &Host) -> bool {
        match host {
            // An address cannot be rebound to another one.
            Host::Ipv4(ip) => self.is_own_address((*ip).into()),
            Host::Ipv6(ip) => self.is_own_address((*ip).into()),
            Host::Domain(name) => {
                let name = name.trim_end_matches('.');
                name == "localhost" || self.hosts.iter().any(|own| own.eq_ignore_ascii_case(name))
            }
        }
    }

    fn is_own_address(&self, ip: IpAddr) -> bool {
        !self.address.is_loopback() || ip.is_loopback() || self.hosts.contains(&ip.to_string())
    }

    fn check_origin(&self, headers: &HeaderMap) -> Result<(), Error> {
        if SPECULATION.iter().any(|name| headers.contains_key(*name)) {
            return Err(Error::CrossSite);
        }
        let Some(origin) = headers.get(ORIGIN) else {
            return self.check_fetch_site(headers);
        };
        let text = String::from_utf8_lossy(origin.as_bytes());
        let is_allowed = text.parse().is_ok_and(|origin| self.is_allowed_origin(&origin, headers));
        match is_allowed {
            true => Ok(()),
            false => Err(Error::OriginNotAllowed(text.into_owned())),
        }
    }

    fn is_allowed_origin(&self, origin: &AllowedOrigin, headers: &HeaderMap) -> bool {
        let is_local = self.address.is_loopback() && is_loopback_origin(&origin.0);
        is_local || self.origins.contains(origin) || is_same_origin(&origin.0, headers)
    }

    /// Browsers leave `Origin` out of plain `GET`s, but say since 2023 what kind of site they come from.
    fn check_fetch_site(&self, headers: &HeaderMap) -> Result<(), Error> {
        let Some(site) = headers.get(SEC_FETCH_SITE) else {
            return Ok(());
        };
        match site.as_bytes() {
            b"none" | b"same-origin" => Ok(()),
            b"same-site" if self.address.is_loopback() => Ok(()),
            _ => Err(Error::CrossSite),
        }
    }
}

/// The host of a `Host` header, without its port.
fn parse_host(text: &str) -> Option<Host> {
    let end = match text.rfind(':') {
        Some(colon) if text[colon + 1..].bytes().all(|byte| byte.is_ascii_digit()) => colon,
        _ => text.len(),
    };
    let name = &text[..end];
    // What nearly every request says, without the rules for international names.
    match name.parse() {
        Ok(ip) => Some(Host::Ipv4(ip)),
        Err(_) if name == "localhost" => Some(Host::Domain(name.to_owned())),
        Err(_) => Host::parse(name).ok(),
    }
}

fn is_loopback_origin(origin: &Origin) -> bool {
    match origin {
        Origin::Tuple(_, Host::Ipv4(ip), _) => ip.is_loopback(),
        Origin::Tuple(_, Host::Ipv6(ip), _) => ip.is_loopback(),
        Origin::Tuple(_, Host::Domain(name), _) => name == "localhost",
        Origin::Opaque(_) => false,
    }
}

/// Whether a page came from this very server, by the name under which it was asked now.
fn is_same_origin(origin: &Origin, headers: &HeaderMap) -> bool {
    let Origin::Tuple(scheme, ..) = origin else {
        return false;
    };
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let own = host.and_then(|host| Url::parse(&format!("{scheme}://{host}")).ok());
    own.is_some_and(|own| own.origin() == *origin)
}

fn host_name() -> Option<String> {
    let name = rustix::system::uname().nodename().to_str().ok()?.to_ascii_lowercase();
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderName;
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
        Guard::new(address.parse().unwrap(), Vec::new(), origins, vec!["box.example".to_owned()])
    }

    fn verdict(address: &str, pairs: &[(&str, &str)]) -> &'static str {
        guard(address).admit(&headers(pairs)).map_or_else(|err| err.code(), |()| "ok")
    }

    #[rstest]
    #[case("localhost", "ok")]
    #[case("localhost:9876", "ok")]
    #[case("LOCALHOST.:1", "ok")]
    #[case("127.0.0.1:9876", "ok")]
    #[case("127.9.9.9", "ok")]
    #[case("[::1]:9876", "ok")]
    #[case("box.example:9876", "ok")]
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
    #[case("10.0.0.1:9876", "ok")]
    #[case("[2001:db8::1]", "ok")]
    #[case("localhost", "ok")]
    #[case("box.example", "ok")]
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
    #[case("http://localhost:5173", "ok")]
    #[case("http://127.0.0.1", "ok")]
    #[case("https://[::1]:8443", "ok")]
    #[case("https://app.example", "ok")]
    #[case("https://app.example:443", "ok")]
    #[case("http://app.example", "origin-not-allowed")]
    #[case("https://app.example.evil.example", "origin-not-allowed")]
    #[case("https://app.example@evil.example", "origin-not-allowed")]
    #[case("http://localhost.evil.example", "origin-not-allowed")]
    #[case("http://evil.example", "origin-not-allowed")]
    #[case("null", "origin-not-allowed")]
    #[case("file://", "origin-not-allowed")]
    #[case("", "origin-not-allowed")]
    fn an_origin_must_be_loopback_or_listed(#[case] origin: &str, #[case] expected: &str) {
        let pairs =
            [("host", "localhost:9876"), ("origin", origin), ("sec-fetch-site", "cross-site")];
        assert_eq!(verdict("127.0.0.1", &pairs), expected);
    }

    #[rstest]
    #[case("http://10.0.0.1:9876", "ok")]
    #[case("http://10.0.0.1:3000", "origin-not-allowed")]
    #[case("http://localhost:9876", "origin-not-allowed")]
    fn beyond_loopback_a_page_of_this_server_may_call_it(
        #[case] origin: &str,
        #[case] expected: &str,
    ) {
        let pairs = [("host", "10.0.0.1:9876"), ("origin", origin)];
        assert_eq!(verdict("0.0.0.0", &pairs), expected);
    }

    #[rstest]
    #[case("127.0.0.1", "none", "ok")]
    #[case("127.0.0.1", "same-origin", "ok")]
    #[case("127.0.0.1", "same-site", "ok")]
    #[case("127.0.0.1", "cross-site", "cross-site")]
    #[case("127.0.0.1", "else", "cross-site")]
    #[case("0.0.0.0", "same-site", "cross-site")]
    #[case("0.0.0.0", "none", "ok")]
    fn without_an_origin_the_fetch_site_decides(
        #[case] address: &str,
        #[case] site: &str,
        #[case] expected: &str,
    ) {
        assert_eq!(verdict(address, &[("host", "localhost"), ("sec-fetch-site", site)]), expected);
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

    #[test]
    fn who_has_no_password_learns_nothing_about_origins() {
        let known = format!("ann:{}", "0".repeat(64)).parse().unwrap();
        let guard = Guard::new([127, 0, 0, 1].into(), vec![known], Vec::new(), Vec::new());
        let headers = headers(&[("host", "localhost"), ("origin", "http://evil.example")]);
        assert_eq!(guard.admit(&headers).unwrap_err().code(), "auth-required");
        assert_eq!(guard.admit_preflight(&headers).unwrap_err().code(), "origin-not-allowed");
    }

    #[rstest]
    #[case("https://app.example/path")]
    #[case("app.example")]
    #[case("*")]
    #[case("data:x")]
    fn what_is_no_origin_cannot_be_allowed(#[case] text: &str) {
        assert_eq!(text.parse::<AllowedOrigin>(), Err(NotAnOrigin));
    }
}
