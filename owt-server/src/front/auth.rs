//! Who may call: users and the SHA-256 of their passwords, sent by HTTP Basic authentication (RFC 7617).

use std::fmt;
use std::str::FromStr;

use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use owt_core::Digest;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;

/// A user who may call, as `--auth user:sha256hex` names them.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential {
    user: String,
    /// SHA-256 of the password.
    password: Digest,
}

/// A text is not `user:sha256hex`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("takes user:sha256hex, as owt hash USER prints it")]
pub struct NotACredential;

impl FromStr for Credential {
    type Err = NotACredential;

    fn from_str(text: &str) -> Result<Self, NotACredential> {
        let (user, hex) = text.split_once(':').ok_or(NotACredential)?;
        let password = hex.parse().map_err(|_| NotACredential)?;
        match user.is_empty() {
            true => Err(NotACredential),
            false => Ok(Self { user: user.to_owned(), password }),
        }
    }
}

impl fmt::Display for Credential {
    /// The form that `--auth` takes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.user, self.password)
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credential({})", self.user)
    }
}

/// Whether a request's `Authorization` names one of those who may call.
pub(super) fn is_authorised(credentials: &[Credential], headers: &HeaderMap) -> bool {
    let Some((user, password)) = basic(headers) else {
        return false;
    };
    let password: [u8; 32] = Sha256::digest(&password).into();
    // Every one is compared, and each to its end, so that the time taken tells nothing.
    credentials
        .iter()
        .map(|known| {
            let is_user = known.user.as_bytes().ct_eq(&user);
            is_user & known.password.0.ct_eq(&password)
        })
        .fold(subtle::Choice::from(0), |any, one| any | one)
        .into()
}

// Not actix-web-httpauth: it refuses `basic` in lower case, and passwords that are not UTF-8.
fn basic(headers: &HeaderMap) -> Option<(Vec<u8>, Vec<u8>)> {
    let value = headers.get(AUTHORIZATION)?.as_bytes();
    let (scheme, encoded) = value.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"basic ") {
        return None;
    }
    let mut user = STANDARD.decode(encoded.trim_ascii()).ok()?;
    let colon = user.iter().position(|byte| *byte == b':')?;
    let password = user.split_off(colon + 1);
    user.truncate(colon);
    Some((user, password))
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;
    use rstest::rstest;

    use super::*;

    const HASH: &str = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"; // foo

    #[rstest]
    #[case::right("ann:foo", true)]
    #[case::wrong_password("ann:bar", false)]
    #[case::wrong_user("bob:foo", false)]
    #[case::the_hash_is_not_the_password(&format!("ann:{HASH}"), false)]
    #[case::no_colon("annfoo", false)]
    #[case::empty("", false)]
    fn a_password_is_compared_by_its_hash(#[case] sent: &str, #[case] is_allowed: bool) {
        let credentials = [format!("eve:{}", "0".repeat(64)), format!("ann:{HASH}")];
        let credentials = credentials.map(|text| text.parse::<Credential>().unwrap());
        let mut headers = HeaderMap::new();
        let value = format!("Basic {}", STANDARD.encode(sent));
        headers.insert(AUTHORIZATION, HeaderValue::from_str(&value).unwrap());
        assert_eq!(is_authorised(&credentials, &headers), is_allowed);
    }

    #[rstest]
    #[case::scheme_in_lower_case("basic YW5uOmZvbw==")]
    #[case::several_spaces("Basic   YW5uOmZvbw==")]
    fn the_scheme_has_no_case(#[case] value: &str) {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        let known = format!("ann:{HASH}").parse().unwrap();
        assert!(is_authorised(&[known], &headers));
    }

    #[rstest]
    #[case("Bearer YW5uOmZvbw==")]
    #[case("Basic")]
    #[case("Basic ???")]
    #[case("B\u{e9}sic x")]
    fn other_schemes_and_broken_values_are_refused(#[case] value: &str) {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        let known = format!("ann:{HASH}").parse().unwrap();
        assert!(!is_authorised(&[known], &headers));
    }

    #[rstest]
    #[case("ann")]
    #[case("ann:")]
    #[case("ann:foo")]
    #[case(&format!(":{HASH}"))]
    fn what_is_no_credential_is_refused(#[case] text: &str) {
        assert_eq!(text.parse::<Credential>(), Err(NotACredential));
    }
}
