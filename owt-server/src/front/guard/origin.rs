//! Web origins (RFC 6454): which pages may call.

use std::fmt;
use std::str::FromStr;

use actix_web::http::header::{HOST, HeaderMap};
use url::{Host, Origin, Url};

use super::header::only;

/// A web origin whose pages may call: `scheme://host` with an optional port.
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
        match is_bare {
            true => Self::of(&url).ok_or(NotAnOrigin),
            false => Err(NotAnOrigin),
        }
    }
}

impl fmt::Display for AllowedOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.ascii_serialization())
    }
}

impl AllowedOrigin {
    /// The origin of a page; `None` if it has none that another one could be equal to.
    pub(super) fn of(page: &Url) -> Option<Self> {
        let origin = page.origin();
        origin.is_tuple().then_some(Self(origin))
    }

    pub(super) fn is_loopback(&self) -> bool {
        match &self.0 {
            Origin::Tuple(_, Host::Ipv4(ip), _) => ip.is_loopback(),
            Origin::Tuple(_, Host::Ipv6(ip), _) => ip.is_loopback(),
            Origin::Tuple(_, Host::Domain(name), _) => name == "localhost",
            Origin::Opaque(_) => false,
        }
    }

    /// Whether its pages came from this very server, by the name under which it is asked now.
    pub(super) fn is_same_as_host(&self, headers: &HeaderMap) -> bool {
        let Origin::Tuple(scheme, ..) = &self.0 else {
            return false;
        };
        let host = only(headers, &HOST).ok().flatten().and_then(|host| host.to_str().ok());
        let own = host.and_then(|host| Url::parse(&format!("{scheme}://{host}")).ok());
        own.is_some_and(|own| own.origin() == self.0)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("https://app.example/path")]
    #[case("app.example")]
    #[case("*")]
    #[case("data:x")]
    fn what_is_no_origin_cannot_be_allowed(#[case] text: &str) {
        assert_eq!(text.parse::<AllowedOrigin>(), Err(NotAnOrigin));
    }
}
