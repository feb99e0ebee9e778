//! A token: text that nobody can guess, by which a program says that it may call.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The fewest characters of a token. Wrong ones are not slowed down before they are checked.
const MIN_LEN: usize = 20;

/// A token in clear, given or made.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

/// A text is no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("takes at least 20 letters, digits and marks, without spaces")]
pub struct NotAToken;

impl Token {
    /// A new one, of 192 random bits.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn random() -> std::io::Result<Self> {
        let mut bytes = [0; 24];
        getrandom::fill(&mut bytes)?;
        Ok(Self(URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// The token itself, to show to whoever may have it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Token {
    type Err = NotAToken;

    fn from_str(text: &str) -> Result<Self, NotAToken> {
        let is_token = text.len() >= MIN_LEN && text.bytes().all(|byte| byte.is_ascii_graphic());
        is_token.then(|| Self(text.to_owned())).ok_or(NotAToken)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[test]
    fn a_token_is_made_anew_each_time() {
        let (one, other) = (Token::random().unwrap(), Token::random().unwrap());
        assert_eq!((one.as_str().len(), one.as_str().parse()), (32, Ok(one.clone())));
        assert_ne!(one, other);
        assert_eq!(format!("{one:?}"), "Token");
    }

    #[rstest]
    #[case("")]
    #[case("short")]
    #[case("twenty characters and a space")]
    #[case("zw\u{f6}lfzehnzw\u{f6}lfzehnzw\u{f6}lf")]
    fn what_can_be_guessed_or_not_be_sent_is_no_token(#[case] text: &str) {
        assert_eq!(text.parse::<Token>(), Err(NotAToken));
    }
}
