//! Signed URLs: whoever has one may make that one call until it expires, without credentials.
//!
//! `docs/signed-urls.md` is the specification, and `tests/vectors/signed_urls.json` holds every
//! implementation to it.

mod key;
mod message;

use std::time::{Duration, SystemTime};

use serde::Serialize;

use crate::{BaseInvalid, Code, Envelope, Error, OwtifyError, base, kwargs, owtify};

pub use key::{UrlKey, UrlKeyInvalid, UrlKeys};

/// The field of the query that holds the signature.
pub const FIELD: &str = "owt_signature";

/// How long after its expiry a URL is still taken, because clocks differ.
pub const CLOCK_TOLERANCE: Duration = Duration::from_secs(30);

/// What a signature begins with, so that another scheme can follow this one.
const VERSION: &str = "v1";

/// Builds a signed URL that runs an adaptor's source with these arguments.
///
/// # Errors
///
/// Those of [`owtify`](crate::owtify()), and [`BaseInvalid::Query`].
///
/// # Examples
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use owt_core::{UrlKeys, owtify_signed};
///
/// let keys: UrlKeys = "C7dD5y3UDiqY5Rpi1MbNUqbBgzD0PMHQ4Ax0tH2YZmQ".parse()?;
/// let expires = SystemTime::now() + Duration::from_secs(3600);
/// let url = owtify_signed("localhost:9876", "def run(): return 1", &(), keys.newest(), expires)?;
/// assert!(url.contains("&owt_signature=v1."));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn owtify_signed<T: Serialize + ?Sized>(
    base: &str,
    source: &str,
    kwargs: &T,
    key: &UrlKey,
    expires: SystemTime,
) -> Result<String, OwtifyError> {
    let kwargs = kwargs::to_kwargs_text(kwargs)?;
    let envelope = Envelope { kwargs, ..Envelope::new(Code::source(source)) };
    envelope.to_signed_url(base, key, expires)
}

impl Envelope {
    /// The URL that makes this call, signed: it needs no credentials until it expires.
    ///
    /// # Errors
    ///
    /// Those of [`to_url`](Envelope::to_url), and [`BaseInvalid::Query`] if the base has a query:
    /// a signed URL has owt's fields and no others.
    pub fn to_signed_url(
        &self,
        base: &str,
        key: &UrlKey,
        expires: SystemTime,
    ) -> Result<String, OwtifyError> {
        let url = self.to_url(base)?;
        let (path, query) = base::split_target(&url);
        if query != self.to_query() {
            return Err(BaseInvalid::Query.into());
        }
        let expires = unix_seconds(expires);
        let signature = hex::encode(key.sign(&message::of_envelope(path, self, expires)));
        let url = format!("{url}&{FIELD}={VERSION}.{expires}.{signature}");
        match base::target(&url).len() > owtify::MAX_URL {
            true => Err(OwtifyError::TooLong),
            false => Ok(url),
        }
    }
}

/// Whether a query has a signature, be it a valid one.
///
/// # Examples
///
/// ```
/// use owt_core::signature::is_in;
///
/// assert!(is_in("code_b64=MQ&owt_signature=v1.0.00"));
/// assert!(is_in("owt%5Fsignature"));
/// assert!(!is_in("code_b64=MQ&q=owt_signature"));
/// ```
#[must_use]
pub fn is_in(query: &str) -> bool {
    query.split('&').any(|pair| {
        let name = pair.split('=').next().unwrap_or_default();
        form_urlencoded::parse(name.as_bytes()).any(|(name, _)| name == FIELD)
    })
}

/// Checks that a `GET` of this path and query is signed with one of these keys, and not too old.
///
/// # Errors
///
/// [`Error::SignatureInvalid`] or [`Error::SignatureExpired`]. A query that is not a call, or in which
/// a field is unknown or given twice, is not signed, whatever its signature.
pub fn verify(keys: &UrlKeys, path: &str, query: &str, now: SystemTime) -> Result<(), Error> {
    let (expires, signature) = signature(query).ok_or(Error::SignatureInvalid)?;
    let message = message::of_query(path, query, expires).ok_or(Error::SignatureInvalid)?;
    if !keys.have_signed(&message, &signature) {
        return Err(Error::SignatureInvalid);
    }
    match unix_seconds(now) > expires.saturating_add(CLOCK_TOLERANCE.as_secs()) {
        true => Err(Error::SignatureExpired),
        false => Ok(()),
    }
}

/// The expiry and the bytes of a query's signature.
fn signature(query: &str) -> Option<(u64, [u8; 32])> {
    let (_, text) = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == FIELD)?;
    let (expires, digits) = text.strip_prefix(VERSION)?.strip_prefix('.')?.split_once('.')?;
    let expires: u64 = expires.parse().ok().filter(|number: &u64| number.to_string() == expires)?;
    let mut bytes = [0; 32];
    hex::decode_to_slice(digits, &mut bytes).ok()?;
    Some((expires, bytes))
}

/// Whole seconds since 1970; none of a time before.
fn unix_seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}
