//! The keys of signed URLs, and the file that holds them.

use std::fmt;
use std::str::FromStr;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::codec;

/// The fewest bytes of a key: as many as those of the signature.
const MIN_KEY: usize = 32;

/// A secret key that signs URLs.
#[derive(Clone)]
pub struct UrlKey(Hmac<Sha256>);

/// The keys of a file, the newest first.
///
/// Each is a line: base64 of at least 32 random bytes, as `owt key` and `openssl rand -base64 32` make
/// it. Empty lines, and those that begin with `#`, do not count. The first key signs; URLs that an
/// older one has signed are valid until it is taken out.
#[derive(Clone, Debug)]
pub struct UrlKeys(Vec<UrlKey>);

/// A text does not hold keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UrlKeyInvalid {
    /// It has no line with a key.
    #[error("there is no key")]
    Missing,
    /// A line is not base64.
    #[error("the key in line {0} is not base64")]
    NotBase64(usize),
    /// A key has too few bytes.
    #[error("the key in line {0} has fewer than {MIN_KEY} bytes")]
    TooShort(usize),
}

impl UrlKey {
    pub(super) fn sign(&self, message: &[u8]) -> [u8; 32] {
        self.0.clone().chain_update(message).finalize().into_bytes().into()
    }

    /// Compares in constant time.
    fn has_signed(&self, message: &[u8], signature: &[u8; 32]) -> bool {
        self.0.clone().chain_update(message).verify_slice(signature).is_ok()
    }
}

impl fmt::Debug for UrlKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UrlKey")
    }
}

impl UrlKeys {
    /// The key that signs.
    #[must_use]
    pub fn newest(&self) -> &UrlKey {
        self.0.first().expect("no keys are read from a text without any")
    }

    pub(super) fn have_signed(&self, message: &[u8], signature: &[u8; 32]) -> bool {
        self.0.iter().any(|key| key.has_signed(message, signature))
    }
}

impl FromStr for UrlKeys {
    type Err = UrlKeyInvalid;

    fn from_str(text: &str) -> Result<UrlKeys, UrlKeyInvalid> {
        let lines = (1..).zip(text.lines().map(str::trim));
        let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        let keys: Vec<_> =
            lines.map(|(number, line)| key(number, line)).collect::<Result<_, _>>()?;
        if keys.is_empty() { Err(UrlKeyInvalid::Missing) } else { Ok(UrlKeys(keys)) }
    }
}

fn key(number: usize, line: &str) -> Result<UrlKey, UrlKeyInvalid> {
    let bytes = codec::decode(line).map_err(|_| UrlKeyInvalid::NotBase64(number))?;
    if bytes.len() < MIN_KEY {
        return Err(UrlKeyInvalid::TooShort(number));
    }
    // Any number of bytes is a key of HMAC.
    Hmac::new_from_slice(&bytes).map(UrlKey).map_err(|_| UrlKeyInvalid::TooShort(number))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const KEY: &str = "C7dD5y3UDiqY5Rpi1MbNUqbBgzD0PMHQ4Ax0tH2YZmQ";

    #[rstest]
    #[case::nothing("", UrlKeyInvalid::Missing)]
    #[case::comments("# none\n\n", UrlKeyInvalid::Missing)]
    #[case::a_word("# mine\nsecret!", UrlKeyInvalid::NotBase64(2))]
    #[case::a_short_key("C7dD5y3UDiqY5Rpi1MbNUqbBgzD0PMHQ4Ax0tH2YZg", UrlKeyInvalid::TooShort(1))]
    #[case::one_bad_key_of_two(&format!("{KEY}\nabcd"), UrlKeyInvalid::TooShort(2))]
    fn what_is_no_key_is_refused_by_its_line(#[case] text: &str, #[case] err: UrlKeyInvalid) {
        assert_eq!(text.parse::<UrlKeys>().unwrap_err(), err);
    }

    #[test]
    fn the_first_key_signs_and_each_is_known() {
        let older: UrlKeys = KEY.parse().unwrap();
        let newer = "A".repeat(43);
        let both: UrlKeys = format!("# new\r\n{newer}=\r\n\r\n {KEY}\r\n").parse().unwrap();
        let signed_by = |keys: &UrlKeys| keys.newest().sign(b"message");
        assert_eq!(signed_by(&both), signed_by(&newer.parse().unwrap()));
        assert!(both.have_signed(b"message", &signed_by(&older)));
        assert!(!older.have_signed(b"message", &signed_by(&both)));
    }

    #[test]
    fn a_key_is_not_shown() {
        assert_eq!(format!("{:?}", KEY.parse::<UrlKeys>().unwrap()), "UrlKeys([UrlKey])");
    }
}
