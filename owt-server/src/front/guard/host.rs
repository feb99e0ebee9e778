//! The name under which this server was asked.

use std::borrow::Cow;

use actix_web::http::header::{HOST, HeaderMap};
use url::Host;

use super::header::only;

/// The `Host` header; empty if there is none, or more than one.
pub(super) fn text(headers: &HeaderMap) -> Cow<'_, str> {
    let host = only(headers, HOST).ok().flatten();
    host.map(|host| String::from_utf8_lossy(host.as_bytes())).unwrap_or_default()
}

/// Whether it is a name that every machine has for itself.
pub(super) fn is_loopback(headers: &HeaderMap) -> bool {
    parse(&text(headers)).is_some_and(|host| match host {
        Host::Ipv4(ip) => ip.is_loopback(),
        Host::Ipv6(ip) => ip.is_loopback(),
        Host::Domain(name) => name.trim_end_matches('.') == "localhost",
    })
}

/// The host of a `Host` header, without its port.
pub(super) fn parse(text: &str) -> Option<Host> {
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

/// What this machine calls itself.
pub(super) fn of_machine() -> Option<String> {
    let name = rustix::system::uname().nodename().to_str().ok()?.to_ascii_lowercase();
    (!name.is_empty()).then_some(name)
}
