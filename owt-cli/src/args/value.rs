//! Values of options that are more than text.

use std::path::PathBuf;
use std::time::Duration;

use owt_client::header::{HeaderName, HeaderValue};

/// A number of bytes, with a suffix or without: `512`, `64K`, `256M`, `1G`.
pub(crate) fn bytes(text: &str) -> Result<u64, String> {
    let (digits, shift) = match text.char_indices().next_back() {
        Some((end, 'k' | 'K')) => (&text[..end], 10),
        Some((end, 'm' | 'M')) => (&text[..end], 20),
        Some((end, 'g' | 'G')) => (&text[..end], 30),
        _ => (text, 0),
    };
    let number: Option<u64> = digits.parse().ok();
    number
        .and_then(|number| number.checked_mul(1 << shift))
        .ok_or_else(|| "give a number of bytes, such as 512, 64K, 256M or 1G".to_owned())
}

/// A number of bytes as [`bytes()`] reads it, in the largest unit that fits.
pub(crate) fn shown_bytes(bytes: u64) -> String {
    let units = [(30, "G"), (20, "M"), (10, "K")];
    let fits = |&(shift, _): &(u32, _)| bytes > 0 && bytes.trailing_zeros() >= shift;
    match units.into_iter().find(fits) {
        Some((shift, unit)) => format!("{}{unit}", bytes >> shift),
        None => bytes.to_string(),
    }
}

/// A length of time that is not zero.
pub(crate) fn limit(text: &str) -> Result<Duration, String> {
    let limit = seconds(text).ok().filter(|limit| !limit.is_zero());
    limit.ok_or_else(|| "give a positive number of seconds, such as 30 or 2.5".to_owned())
}

/// The most seconds that are taken, some thirty years: added to the present, they are still a point in
/// time.
const MAX_SECONDS: f64 = 1e9;

/// A length of time.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: Option<f64> = text.parse().ok();
    seconds
        .filter(|seconds| *seconds <= MAX_SECONDS)
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| "give a number of seconds, such as 30 or 2.5".to_owned())
}

/// A length of time, with a unit or in seconds: `90`, `90s`, `30m`, `1h`, `7d`.
pub(crate) fn lifetime(text: &str) -> Result<Duration, String> {
    let units = [("s", 1.0), ("m", 60.0), ("h", 3600.0), ("d", 86_400.0)];
    let split = |(unit, factor)| Some((text.strip_suffix(unit)?, factor));
    let (number, factor) = units.into_iter().find_map(split).unwrap_or((text, 1.0));
    let number: Option<f64> = number.parse().ok();
    let time = number.map(|number| (number * factor).to_string());
    time.and_then(|time| limit(&time).ok())
        .ok_or_else(|| "give a length of time such as 90s, 30m, 1h or 7d".to_owned())
}

/// A length of time as [`seconds`] reads it.
pub(crate) fn shown_seconds(time: Duration) -> String {
    time.as_secs_f64().to_string()
}

/// A header as `curl` takes it: `Name: value`.
pub(crate) fn header(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let header = text
        .split_once(':')
        .and_then(|(name, value)| Some((name.trim().parse().ok()?, value.trim().parse().ok()?)));
    header.ok_or_else(|| "give a header as 'Name: value'".to_owned())
}

/// A field of a form: text, or a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FormField {
    Text { name: String, text: String },
    File { name: String, path: PathBuf },
}

/// A field of a form as arguments are written: `name=text`, `name=@file`, `name=@@text`.
pub(crate) fn form_field(field: &str) -> Result<FormField, String> {
    let Some((name, text)) = field.split_once('=').filter(|(name, _)| !name.is_empty()) else {
        return Err("give a field as name=text or name=@FILE".to_owned());
    };
    let name = name.to_owned();
    Ok(match text.strip_prefix('@') {
        Some(path) if !path.starts_with('@') => FormField::File { name, path: path.into() },
        Some(text) => FormField::Text { name, text: text.to_owned() },
        None => FormField::Text { name, text: text.to_owned() },
    })
}

/// A user and a password: `user:password`.
pub(crate) fn login(text: &str) -> Result<(String, String), String> {
    let login = text.split_once(':').map(|(user, password)| (user.to_owned(), password.to_owned()));
    login.ok_or_else(|| "give a user and a password as user:password".to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("0", 0)]
    #[case("512", 512)]
    #[case("64K", 64 << 10)]
    #[case("256m", 256 << 20)]
    #[case("1G", 1 << 30)]
    fn sizes_are_read(#[case] text: &str, #[case] size: u64) {
        assert_eq!(bytes(text), Ok(size));
    }

    #[rstest]
    #[case("")]
    #[case("M")]
    #[case("1.5M")]
    #[case("-1")]
    #[case("1é")]
    #[case("99999999999999999999")]
    #[case("18446744073709551615K")]
    fn what_is_no_size_is_refused(#[case] text: &str) {
        let words = "give a number of bytes, such as 512, 64K, 256M or 1G";
        assert_eq!(bytes(text), Err(words.to_owned()));
    }

    #[rstest]
    #[case("0")]
    #[case("-1")]
    #[case("inf")]
    #[case("1e10")]
    #[case("1e300")]
    #[case("nan")]
    #[case("soon")]
    fn what_is_no_limit_is_refused(#[case] text: &str) {
        let words = "give a positive number of seconds, such as 30 or 2.5";
        assert_eq!(limit(text), Err(words.to_owned()));
    }

    #[test]
    fn no_time_at_all_is_a_time() {
        assert_eq!(seconds("0"), Ok(Duration::ZERO));
        assert_eq!(limit("2.5"), Ok(Duration::from_millis(2500)));
    }

    #[rstest]
    #[case("")]
    #[case("Accept")]
    #[case("Bad Name: x")]
    #[case("Accept: a\nb")]
    fn what_is_no_header_is_refused(#[case] text: &str) {
        assert_eq!(header(text), Err("give a header as 'Name: value'".to_owned()));
    }

    #[rstest]
    #[case("a=b=c", FormField::Text { name: "a".to_owned(), text: "b=c".to_owned() })]
    #[case("a=", FormField::Text { name: "a".to_owned(), text: String::new() })]
    #[case("a=@@b", FormField::Text { name: "a".to_owned(), text: "@b".to_owned() })]
    #[case("a=@b c.jpg", FormField::File { name: "a".to_owned(), path: "b c.jpg".into() })]
    fn fields_are_read(#[case] text: &str, #[case] field: FormField) {
        assert_eq!(form_field(text), Ok(field));
    }

    #[rstest]
    #[case("")]
    #[case("a")]
    #[case("=a")]
    fn what_is_no_field_is_refused(#[case] text: &str) {
        assert_eq!(form_field(text), Err("give a field as name=text or name=@FILE".to_owned()));
    }

    #[rstest]
    #[case("90", 90_000)]
    #[case("90s", 90_000)]
    #[case("0.5m", 30_000)]
    #[case("1h", 3_600_000)]
    #[case("7d", 604_800_000)]
    fn a_lifetime_has_a_unit(#[case] text: &str, #[case] millis: u64) {
        assert_eq!(lifetime(text), Ok(Duration::from_millis(millis)));
    }

    #[rstest]
    #[case("")]
    #[case("h")]
    #[case("0s")]
    #[case("-1h")]
    #[case("1w")]
    #[case("1 h")]
    #[case("99999999d")]
    fn what_is_no_lifetime_is_refused(#[case] text: &str) {
        let message = "give a length of time such as 90s, 30m, 1h or 7d";
        assert_eq!(lifetime(text), Err(message.to_owned()));
    }

    #[test]
    fn a_password_may_have_colons() {
        assert_eq!(login("me:a:b"), Ok(("me".to_owned(), "a:b".to_owned())));
    }

    #[rstest]
    #[case(0, "0")]
    #[case(512, "512")]
    #[case(3 << 9, "1536")]
    #[case(5 << 30, "5G")]
    fn sizes_are_shown_in_their_largest_unit(#[case] size: u64, #[case] text: &str) {
        assert_eq!(shown_bytes(size), text);
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read(size: u64, shift in 0..64_u32, millis in 0..1_000_000_000_u64) {
            let (size, time) = (size << shift, Duration::from_millis(millis));
            prop_assert_eq!(bytes(&shown_bytes(size)), Ok(size));
            prop_assert_eq!(seconds(&shown_seconds(time)), Ok(time));
        }
    }
}
