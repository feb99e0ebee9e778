//! Base64 as owt reads it (leniently) and writes it (strictly).

use std::borrow::Cow;

use base64::DecodeError;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, Engine, GeneralPurpose, GeneralPurposeConfig};
use base64::prelude::BASE64_STANDARD;

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The URL-safe alphabet (RFC 4648, section 5).
const URL_DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Encodes in the standard alphabet, padded: what goes into JSON.
///
/// # Examples
///
/// ```
/// assert_eq!(owt_core::codec::encode_standard(b"\xff\xef\xbe>"), "/+++Pg==");
/// ```
#[must_use]
pub fn encode_standard(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(bytes)
}

/// Encodes in the URL-safe alphabet, unpadded: what goes into a URL.
///
/// Not with the `base64` crate, whose encoder and its panics would be a tenth of the JavaScript package.
///
/// # Examples
///
/// ```
/// assert_eq!(owt_core::codec::encode_url(b"\xff\xef\xbe>"), "_---Pg");
/// ```
#[must_use]
pub fn encode_url(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let bits = group.iter().fold(0, |bits, byte| bits << 8 | usize::from(*byte));
        let bits = bits << (8 * (3 - group.len()));
        let digits = (0..=group.len()).map(|index| bits >> (18 - 6 * index) & 63);
        text.extend(digits.map(|digit| char::from(URL_DIGITS[digit])));
    }
    text
}

/// Decodes base64 of either alphabet, padded or not, with line breaks and spaces in it.
///
/// A space inside the text is the `+` that a form decoder took it for. A space at either end may be
/// that as well, or a quoting mistake: it counts as `+` where the whole text then makes groups of
/// four, as padded base64 does, and is dropped otherwise.
///
/// # Errors
///
/// If a byte belongs to neither alphabet, or the text ends in the middle of a byte.
///
/// # Examples
///
/// ```
/// use owt_core::codec::decode;
///
/// assert_eq!(decode("aGk+\n"), decode("aGk "));
/// assert_eq!(decode(" aGk_\r\naGk= "), Ok(b"hi?hi".to_vec()));
/// ```
pub fn decode(text: &str) -> Result<Vec<u8>, DecodeError> {
    // Nearly all input is plain, so normalize only what does not decode as it is.
    LENIENT.decode(text).or_else(|_| LENIENT.decode(plain(text)))
}

/// The same text in the standard alphabet, without white space and padding.
fn plain(text: &str) -> Vec<u8> {
    let joined: Cow<'_, str> = match text.contains(is_break) {
        true => text.replace(is_break, "").into(),
        false => text.into(),
    };
    let kept = match joined.len().is_multiple_of(4) {
        true => &joined[..],
        false => joined.trim_matches(' '),
    };
    kept.trim_end_matches('=').bytes().map(standard).collect()
}

/// White space that cannot have been a `+`.
fn is_break(c: char) -> bool {
    c.is_ascii_control() && c.is_whitespace()
}

fn standard(byte: u8) -> u8 {
    match byte {
        b'-' | b' ' => b'+',
        b'_' => b'/',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use base64::prelude::BASE64_URL_SAFE_NO_PAD;
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::empty("", b"")]
    #[case::only_white_space(" \r\n\t ", b"")]
    #[case::standard_padded("/+++Pg==", b"\xff\xef\xbe>")]
    #[case::standard_unpadded("/+++Pg", b"\xff\xef\xbe>")]
    #[case::url_safe("_---Pg", b"\xff\xef\xbe>")]
    #[case::both_alphabets("_+-+Pg==", b"\xff\xef\xbe>")]
    #[case::half_padded("/+++Pg=", b"\xff\xef\xbe>")]
    #[case::spaces_inside("/   Pg==", b"\xff\xef\xbe>")]
    #[case::trailing_new_line("aGk=\n", b"hi")]
    #[case::windows_line_breaks("aG\r\nk=\r\n", b"hi")]
    #[case::form_feed_and_vertical_tab("aG\x0b\x0ck=", b"hi")]
    #[case::stray_spaces_around("  aGk= ", b"hi")]
    #[case::plus_at_the_end_lost_to_a_form("aGk ", b"hi>")]
    #[case::plus_at_the_end_of_a_dict("PCdwcm9tcHQnOidoaSc ", b"<'prompt':'hi'>")]
    #[case::trailing_bits_set("aGl=", b"hi")]
    fn lenient_text_is_read(#[case] text: &str, #[case] bytes: &[u8]) {
        assert_eq!(decode(text), Ok(bytes.to_vec()));
    }

    #[rstest]
    #[case::other_byte("aG!k", DecodeError::InvalidByte(2, b'!'))]
    #[case::percent_left_in("aGk%3D", DecodeError::InvalidByte(3, b'%'))]
    #[case::not_ascii("éaGk", DecodeError::InvalidByte(0, 0xc3))]
    #[case::half_a_byte("aGkhx", DecodeError::InvalidLength(5))]
    #[case::padding_inside("aGk=aGk=", DecodeError::InvalidByte(3, b'='))]
    fn text_that_is_not_base64_is_refused(#[case] text: &str, #[case] err: DecodeError) {
        assert_eq!(decode(text), Err(err));
    }

    /// Wraps lines as `base64` and `base64 -w N` of any system do.
    fn wrapped(text: &str, width: usize, line_break: &str) -> String {
        let chars: Vec<char> = text.chars().collect();
        chars
            .chunks(width)
            .flat_map(|line| line.iter().copied().chain(line_break.chars()))
            .collect()
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(bytes: Vec<u8>) {
            prop_assert_eq!(decode(&encode_standard(&bytes)), Ok(bytes.clone()));
            prop_assert_eq!(encode_url(&bytes), BASE64_URL_SAFE_NO_PAD.encode(&bytes));
            prop_assert_eq!(decode(&encode_url(&bytes)), Ok(bytes));
        }

        #[test]
        fn what_was_mangled_on_the_way_is_decoded(
            bytes: Vec<u8>,
            width in 1..90_usize,
            line_break in prop::sample::select(vec!["\n", "\r\n", "\t", "\r"]),
            plus_is_space: bool,
        ) {
            let mut text = wrapped(&encode_standard(&bytes), width, line_break);
            if plus_is_space {
                text = text.replace('+', " ");
            }
            prop_assert_eq!(decode(&text), Ok(bytes));
        }

        #[test]
        fn any_text_is_read_or_refused(text: String) {
            let _ = decode(&text);
        }
    }
}
