//! What `Authorization` says: a user and a password by Basic (RFC 7617), or a token by Bearer (RFC 6750).

use actix_web::http::header::HeaderValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::caller::Caller;

/// What a caller shows.
#[derive(PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub(super) enum Authorization {
    Password(Login),
    Token(Vec<u8>),
}

#[derive(PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub(super) struct Login {
    pub(super) user: Vec<u8>,
    pub(super) password: Vec<u8>,
}

impl Authorization {
    // Not actix-web-httpauth: it refuses `basic` in lower case, and passwords that are not UTF-8.
    pub(super) fn parse(value: &HeaderValue) -> Option<Self> {
        let value = value.as_bytes();
        let space = value.iter().position(|byte| *byte == b' ')?;
        let (scheme, rest) = (&value[..space], value[space..].trim_ascii());
        if scheme.eq_ignore_ascii_case(b"bearer") {
            return (!rest.is_empty()).then(|| Self::Token(rest.to_vec()));
        }
        match scheme.eq_ignore_ascii_case(b"basic") {
            true => Some(Self::Password(Login::decode(rest)?)),
            false => None,
        }
    }

    /// Who calls, if this is right.
    pub(super) fn caller(&self) -> Caller {
        match self {
            Self::Password(_) => Caller::User,
            Self::Token(_) => Caller::Token,
        }
    }
}

impl Login {
    fn decode(encoded: &[u8]) -> Option<Self> {
        let mut user = STANDARD.decode(encoded).ok()?;
        let colon = user.iter().position(|byte| *byte == b':')?;
        let password = user.split_off(colon + 1);
        user.truncate(colon);
        Some(Self { user, password })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn login(user: &str, password: &str) -> Option<Authorization> {
        let (user, password) = (user.into(), password.into());
        Some(Authorization::Password(Login { user, password }))
    }

    fn token(token: &str) -> Option<Authorization> {
        Some(Authorization::Token(token.into()))
    }

    #[rstest]
    #[case("Basic YW5uOmZvbw==", login("ann", "foo"))]
    #[case("basic YW5uOmZvbw==", login("ann", "foo"))]
    #[case("Basic   YW5uOmZvbw==", login("ann", "foo"))]
    #[case("Basic YW5uOmY6bw==", login("ann", "f:o"))]
    #[case("Basic Og==", login("", ""))]
    #[case("Bearer abc", token("abc"))]
    #[case("bearer  abc ", token("abc"))]
    #[case("Bearer", None)]
    #[case("Bearer ", None)]
    #[case("Basic", None)]
    #[case("Basic ???", None)]
    #[case("Basic YW5u", None)]
    #[case("Digest YW5uOmZvbw==", None)]
    #[case("B\u{e9}sic x", None)]
    #[case("", None)]
    fn a_password_or_a_token_is_read(#[case] value: &str, #[case] expected: Option<Authorization>) {
        let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
        assert_eq!(Authorization::parse(&value), expected);
    }

    proptest! {
        #[test]
        fn every_login_is_read_as_it_was_sent(user in "[^:\u{0}]*", password in any::<Vec<u8>>()) {
            let sent = [user.as_bytes(), b":", &password].concat();
            let value = format!("Basic {}", STANDARD.encode(sent)).parse().unwrap();
            let user = user.into_bytes();
            let expected = Authorization::Password(Login { user, password });
            prop_assert_eq!(Authorization::parse(&value), Some(expected));
        }

        #[test]
        fn no_value_is_too_strange(value in any::<Vec<u8>>()) {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                let _ = Authorization::parse(&value);
            }
        }
    }
}
