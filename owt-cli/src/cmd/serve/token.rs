//! `--token`: a token that is given, or one that is made and shown.

use std::net::{Ipv4Addr, SocketAddr};
use std::str::FromStr;

use owt_server::{Address, Credential, Token};

/// The value of the option.
#[derive(Debug, Clone)]
pub(super) enum TokenOption {
    Given(Token),
    Made(Token),
}

impl TokenOption {
    pub(super) fn token(&self) -> &Token {
        let (Self::Given(token) | Self::Made(token)) = self;
        token
    }

    pub(super) fn credential(&self) -> Credential {
        self.token().into()
    }

    pub(super) fn made(&self) -> Option<Token> {
        match self {
            Self::Given(_) => None,
            Self::Made(token) => Some(token.clone()),
        }
    }
}

impl FromStr for TokenOption {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Token::random().map(Self::Made).map_err(|err| err.to_string()),
            text => {
                text.parse().map(Self::Given).map_err(|err: owt_server::NotAToken| err.to_string())
            }
        }
    }
}

/// Where a browser finds the server, and with which token. What follows the `#` is never sent.
pub(super) fn link(address: &Address, is_secure: bool, token: &Token) -> String {
    let Address::Tcp(address) = *address else { return format!("#token={}", token.as_str()) };
    let scheme = if is_secure { "https" } else { "http" };
    let address = match address.ip().is_unspecified() {
        true => SocketAddr::new(Ipv4Addr::LOCALHOST.into(), address.port()),
        false => address,
    };
    format!("{scheme}://{address}/#token={}", token.as_str())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("127.0.0.1:9876", false, "http://127.0.0.1:9876/#token=abcdefghijklmnopqrstuvwxyz")]
    #[case("0.0.0.0:80", false, "http://127.0.0.1:80/#token=abcdefghijklmnopqrstuvwxyz")]
    #[case("[::1]:443", true, "https://[::1]:443/#token=abcdefghijklmnopqrstuvwxyz")]
    fn the_link_has_the_token_where_it_is_not_sent(
        #[case] address: &str,
        #[case] is_secure: bool,
        #[case] expected: &str,
    ) {
        let token = "abcdefghijklmnopqrstuvwxyz".parse().unwrap();
        assert_eq!(link(&Address::Tcp(address.parse().unwrap()), is_secure, &token), expected);
    }
}
