//! Whom this server serves at all. Runs before anything of a request is decoded.
//!
//! A program that can reach the port may call. A web page may not, unless it is one of our own:
//! browsers send requests for any page that their user visits, so a request must name this server
//! (no DNS rebinding) and come from an origin that is allowed. A link that is opened in a browser runs
//! only what has run here before; for all else, its user is asked.

mod access;
mod browser;
mod header;
mod host;
mod origin;
#[cfg(test)]
mod tests;

use std::net::IpAddr;

use actix_web::http::Method;
use actix_web::http::header::{ACCESS_CONTROL_REQUEST_METHOD, HeaderMap, HeaderValue, ORIGIN};
use owt_core::Error;
use url::{Host, Url};

use self::browser::FetchSite;
use super::auth::{Auth, Caller, Peer};

pub(super) use access::Link;
pub(super) use access::{Access, OpenedBy};
use header::{Repeated, only};
pub use origin::{AllowedOrigin, NotAnOrigin};

/// Decides by address, method and headers: `Host`, `Authorization`, `Origin`, and what browsers say.
#[derive(Debug)]
pub(crate) struct Guard {
    address: IpAddr,
    auth: Auth,
    origins: Vec<AllowedOrigin>,
    hosts: Vec<String>,
}

impl Guard {
    pub(crate) fn new(
        address: IpAddr,
        auth: Auth,
        origins: Vec<AllowedOrigin>,
        mut hosts: Vec<String>,
    ) -> Self {
        if !address.is_loopback() {
            hosts.extend(host::of_machine());
        }
        Self { address, auth, origins, hosts }
    }

    /// Whether a request is a CORS preflight: a question of the browser's, not a call.
    pub(super) fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
        method == Method::OPTIONS
            && headers.contains_key(ORIGIN)
            && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
    }

    /// Decides on a request, and says by which way it is allowed.
    pub(super) async fn admit(
        &self,
        method: &Method,
        headers: &HeaderMap,
        peer: Peer<'_>,
    ) -> Result<Access, Error> {
        self.check_host(headers)?;
        let caller = self.auth.identify(headers, peer).await?;
        if self.is_from_allowed_origin(headers)? {
            return Ok(Access::Page);
        }
        match browser::site(headers) {
            Some(site) => self.admit_from(site, method, headers),
            // No browser sends a token by itself.
            None if caller == Caller::Token => Ok(Access::Program),
            None => Ok(self.admit_from_unknown(method, headers)),
        }
    }

    /// Decides on what is left to decide where a URL is signed: whoever has it may make its call, from
    /// any page.
    pub(super) fn admit_signed(&self, headers: &HeaderMap) -> Result<(), Error> {
        self.check_host(headers)?;
        match browser::is_speculation(headers) {
            true => Err(Error::CrossSite),
            false => Ok(()),
        }
    }

    /// Whether a browser shows the answer as a page in a window of its own, as far as it says so.
    pub(super) fn opens_document(method: &Method, headers: &HeaderMap) -> bool {
        browser::may_be_document(method, headers)
            && (!headers.contains_key("sec-fetch-mode") || browser::is_document(method, headers))
    }

    /// How a caller whom nobody knows may say who they are.
    pub(super) fn challenges(&self) -> impl Iterator<Item = HeaderValue> + use<> {
        self.auth.challenges()
    }

    /// Decides on a preflight, which never carries credentials.
    pub(super) fn admit_preflight(&self, headers: &HeaderMap) -> Result<(), Error> {
        self.check_host(headers)?;
        if self.is_from_allowed_origin(headers)? {
            return Ok(());
        }
        match browser::site(headers) {
            Some(site) if !self.is_own(site, headers) && site != FetchSite::User => {
                Err(Error::CrossSite)
            }
            _ => Ok(()),
        }
    }

    /// Whether a form of a page of this server was sent, as far as browsers say it.
    pub(super) fn is_from_own_page(headers: &HeaderMap) -> bool {
        if let Some(site) = browser::site(headers) {
            return site == FetchSite::SameOrigin;
        }
        let origin = only(headers, ORIGIN).ok().flatten().and_then(|origin| origin.to_str().ok());
        let origin = origin.and_then(|origin| origin.parse::<AllowedOrigin>().ok());
        origin.is_some_and(|origin| origin.is_same_as_host(headers))
    }

    /// The origin that may read the answer, if the request came from one.
    pub(super) fn readable_by<'a>(&self, headers: &'a HeaderMap) -> Option<&'a HeaderValue> {
        let origin = headers.get(ORIGIN)?;
        self.check_host(headers).ok()?;
        let is_allowed = self.is_from_allowed_origin(headers).ok()?;
        is_allowed.then_some(origin)
    }

    fn check_host(&self, headers: &HeaderMap) -> Result<(), Error> {
        let text = host::text(headers);
        match host::parse(&text).is_some_and(|host| self.is_own_host(&host)) {
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

    /// Whether a request names an origin that may call; `false` if it names none.
    fn is_from_allowed_origin(&self, headers: &HeaderMap) -> Result<bool, Error> {
        if browser::is_speculation(headers) {
            return Err(Error::CrossSite);
        }
        let not_allowed = |text: &str| Error::OriginNotAllowed(text.to_owned());
        let origin = only(headers, ORIGIN).map_err(|Repeated| not_allowed("two origins"))?;
        let Some(origin) = origin else { return Ok(false) };
        let text = String::from_utf8_lossy(origin.as_bytes());
        match text.parse().is_ok_and(|origin| self.is_allowed_origin(&origin, headers)) {
            true => Ok(true),
            false => Err(not_allowed(&text)),
        }
    }

    fn is_allowed_origin(&self, origin: &AllowedOrigin, headers: &HeaderMap) -> bool {
        (origin.is_loopback() && self.trusts_loopback(headers))
            || self.origins.contains(origin)
            || is_own_origin(origin, headers)
    }

    /// Whether pages on any port of this machine may call. With a password, each port may be another
    /// user's, and browsers send a password to whichever page uses this server. By a name that a proxy
    /// has, the browser's machine may be another one, and its site has other names.
    fn trusts_loopback(&self, headers: &HeaderMap) -> bool {
        self.address.is_loopback() && !self.auth.is_required() && host::is_loopback(headers)
    }

    fn is_own(&self, site: FetchSite, headers: &HeaderMap) -> bool {
        match site {
            FetchSite::SameOrigin => true,
            FetchSite::SameSite => self.trusts_loopback(headers),
            FetchSite::User | FetchSite::CrossSite => false,
        }
    }

    /// Browsers leave `Origin` out of plain `GET`s, but say since 2023 what kind of site they come from.
    fn admit_from(
        &self,
        site: FetchSite,
        method: &Method,
        headers: &HeaderMap,
    ) -> Result<Access, Error> {
        let is_page = browser::is_document(method, headers);
        match site {
            site if self.is_own(site, headers) => Ok(Access::Page),
            FetchSite::User => Ok(Access::Link(Link { opened_by: OpenedBy::User, is_page })),
            _ if is_page => {
                let opened_by = OpenedBy::Site(browser::referer(headers));
                Ok(Access::Link(Link { opened_by, is_page }))
            }
            _ => Err(Error::CrossSite),
        }
    }

    /// Whether a page that a browser names may call. Of a page of this server, the origin alone is not
    /// enough: so much is left of its address if it links to another site, which redirects back to a call
    /// (`strict-origin-when-cross-origin` of the Referrer Policy).
    fn is_allowed_page(&self, page: &Url, headers: &HeaderMap) -> bool {
        let Some(origin) = AllowedOrigin::of(page) else { return false };
        let is_whole = page.path() != "/" || page.query().is_some();
        let is_own = origin.is_same_as_host(headers) && !self.origins.contains(&origin);
        self.is_allowed_origin(&origin, headers) && (is_whole || !is_own)
    }

    /// A program, or a browser that does not say where a `GET` comes from: an old one, or any that asks
    /// over plain HTTP by a name that is not loopback. Other methods it never sends without `Origin`.
    fn admit_from_unknown(&self, method: &Method, headers: &HeaderMap) -> Access {
        let is_read = matches!(*method, Method::GET | Method::HEAD);
        if !is_read || !browser::is_browser(headers) {
            return Access::Program;
        }
        let referer = browser::referer(headers);
        if referer.as_ref().is_some_and(|page| self.is_allowed_page(page, headers)) {
            return Access::Page;
        }
        let is_page = browser::may_be_document(method, headers);
        Access::Link(Link { opened_by: OpenedBy::Unknown(referer), is_page })
    }
}

/// Whether a page is one of this server's. Where its browser says so, the scheme counts as well: a page
/// of `http://box` is whoever's who is on the way, and is another one than `https://box`.
fn is_own_origin(origin: &AllowedOrigin, headers: &HeaderMap) -> bool {
    let is_denied =
        matches!(browser::site(headers), Some(FetchSite::SameSite | FetchSite::CrossSite));
    origin.is_same_as_host(headers) && !is_denied
}
