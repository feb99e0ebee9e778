//! Who may call, as options, `OWT_AUTH` and files say it: `user:hash`, or `:hash` for a token.

use std::fmt;
use std::str::FromStr;

use super::secret::Secret;
use super::token::Token;

/// Somebody who may call: a user and the hash of a password, or the hash of a token.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential {
    pub(super) who: Who,
    pub(super) secret: Secret,
}

#[derive(Clone, PartialEq, Eq)]
pub(super) enum Who {
    User(String),
    /// Whoever has the token.
    Bearer,
}

/// A text is no credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "takes USER:HASH, as owt hash USER prints it; the hash is SHA-256 in hex, or Argon2id as $argon2id$…"
)]
pub struct NotACredential;

impl Credential {
    /// A user, with the SHA-256 of a password.
    ///
    /// # Errors
    /// When the name has a colon or a comma, or is empty.
    pub fn sha256(user: &str, password: &str) -> Result<Self, NotACredential> {
        Self::user(user, Secret::sha256(password.as_bytes()))
    }

    /// A user, with a password's Argon2id hash, which takes some milliseconds and 19 MiB to make.
    ///
    /// # Errors
    /// When the name has a colon or a comma, or is empty, or there are no random numbers.
    pub fn argon2(user: &str, password: &str) -> Result<Self, NotACredential> {
        Self::user(user, Secret::argon2(password.as_bytes()).ok_or(NotACredential)?)
    }

    fn user(user: &str, secret: Secret) -> Result<Self, NotACredential> {
        // A colon ends the name in HTTP Basic authentication, and a comma in OWT_AUTH.
        match user.is_empty() || user.contains([':', ',']) {
            true => Err(NotACredential),
            false => Ok(Self { who: Who::User(user.to_owned()), secret }),
        }
    }

    /// Whether this is a user with a password, and no token.
    #[must_use]
    pub fn is_user(&self) -> bool {
        matches!(self.who, Who::User(_))
    }
}

impl From<&Token> for Credential {
    /// Tokens cannot be guessed, so that a fast hash will do.
    fn from(token: &Token) -> Self {
        Self { who: Who::Bearer, secret: Secret::sha256(token.as_str().as_bytes()) }
    }
}

impl FromStr for Credential {
    type Err = NotACredential;

    fn from_str(text: &str) -> Result<Self, NotACredential> {
        let (user, hash) = text.split_once(':').ok_or(NotACredential)?;
        let secret: Secret = hash.parse().map_err(|()| NotACredential)?;
        match user.is_empty() && !secret.is_slow() {
            true => Ok(Self { who: Who::Bearer, secret }),
            false => Self::user(user, secret),
        }
    }
}

impl fmt::Display for Credential {
    /// The form that `--auth` takes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.who {
            Who::User(name) => write!(f, "{name}:{}", self.secret),
            Who::Bearer => write!(f, ":{}", self.secret),
        }
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.who {
            Who::User(name) => write!(f, "Credential({name})"),
            Who::Bearer => f.write_str("Credential(token)"),
        }
    }
}

/// Credentials with commas between them, as `OWT_AUTH` has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials(pub Vec<Credential>);

impl FromStr for Credentials {
    type Err = NotACredential;

    fn from_str(text: &str) -> Result<Self, NotACredential> {
        let mut parts: Vec<String> = Vec::new();
        for part in text.split(',') {
            match parts.last_mut() {
                // Argon2id's parameters have commas between them, but no colon.
                Some(last) if !part.contains(':') => *last = format!("{last},{part}"),
                _ => parts.push(part.to_owned()),
            }
        }
        parts.iter().map(|part| part.parse()).collect::<Result<_, _>>().map(Self)
    }
}

/// One credential a line; a line that begins with `#` is a comment.
///
/// The error names the line, and shows nothing of it.
pub(super) fn parse_lines(text: &str) -> Result<Vec<Credential>, String> {
    let lines = text.lines().map(str::trim).enumerate();
    let written = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let parse = |(index, line): (usize, &str)| {
        line.parse().map_err(|err: NotACredential| format!("line {} is wrong, it {err}", index + 1))
    };
    written.map(parse).collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const HASH: &str = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"; // foo
    const ARGON2: &str =
        "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$lY7qq0aqkumAXg87FAKaTmPEZ0DgI1qeHeu0tUtiZPs";

    #[rstest]
    #[case(&format!("ann:{HASH}"))]
    #[case(&format!("ann:{ARGON2}"))]
    #[case(&format!(":{HASH}"))]
    fn a_credential_is_written_as_it_is_read(#[case] text: &str) {
        let credential: Credential = text.parse().unwrap();
        assert_eq!(credential.to_string(), text);
        assert!(!format!("{credential:?}").contains("2c26"));
        assert!(!format!("{credential:?}").contains("argon2"));
    }

    #[rstest]
    #[case("ann")]
    #[case("ann:")]
    #[case("ann:foo")]
    #[case(":foo")]
    #[case(&format!("a,b:{HASH}"))]
    #[case::a_token_with_a_slow_hash(&format!(":{ARGON2}"))]
    #[case::another_function(&format!("ann:{}", ARGON2.replace("argon2id", "argon2i")))]
    #[case::all_memory(&format!("ann:{}", ARGON2.replace("m=8", "m=4000000000")))]
    #[case::no_hash("ann:$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ")]
    fn what_is_no_credential_is_refused(#[case] text: &str) {
        assert_eq!(text.parse::<Credential>(), Err(NotACredential));
    }

    #[test]
    fn a_variable_holds_several() {
        let texts = [format!("ann:{ARGON2}"), format!("bob:{HASH}"), format!(":{HASH}")];
        let Credentials(found) = texts.join(",").parse().unwrap();
        assert_eq!(found.iter().map(ToString::to_string).collect::<Vec<_>>(), texts);
        assert_eq!(format!("ann:{HASH},").parse::<Credentials>(), Err(NotACredential));
        assert_eq!("".parse::<Credentials>(), Err(NotACredential));
    }

    #[test]
    fn a_file_has_one_a_line_and_comments() {
        let text = format!("# who may call\r\n\r\n  ann:{ARGON2} \r\n:{HASH}\n");
        let found = parse_lines(&text).unwrap();
        let expected = [format!("ann:{ARGON2}"), format!(":{HASH}")];
        assert_eq!(found.iter().map(ToString::to_string).collect::<Vec<_>>(), expected);
        let err = parse_lines("# comment\nann:secret").unwrap_err();
        assert!(err.starts_with("line 2 is wrong, it takes USER:HASH"), "{err}");
    }

    #[test]
    fn a_password_is_that_of_its_hash() {
        for make in [Credential::sha256, Credential::argon2] {
            let secret = make("ann", "foo").unwrap().secret;
            assert!(secret.is_of(b"foo"));
            assert!(!secret.is_of(b"bar"));
            assert_eq!(make("a:b", "foo"), Err(NotACredential));
        }
    }
}
