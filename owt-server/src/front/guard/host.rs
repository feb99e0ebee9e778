//! The name under which this server was asked.

use url::Host;

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
