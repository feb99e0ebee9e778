//! How long an adaptor stays loaded without a call, as Ollama's field of this name has it.

use std::fmt;
use std::iter;
use std::str::FromStr;
use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::envelope::format_seconds;

/// The units of a length of time, and their seconds.
const UNITS: [(&str, u64); 4] = [("s", 1), ("m", 60), ("h", 3600), ("d", 86_400)];

/// About thirty years: the end of any later time is no point in time.
const MAX: Duration = Duration::from_secs(1_000_000_000);

/// How long an adaptor stays loaded without a call.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use owt_core::KeepAlive;
///
/// assert_eq!("5m".parse(), Ok(KeepAlive::For(Duration::from_secs(300))));
/// assert_eq!("-1".parse(), Ok(KeepAlive::Always));
/// assert_eq!(KeepAlive::For(Duration::from_secs(300)).to_string(), "300");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeepAlive {
    /// For so long after its last call.
    For(Duration),
    /// As long as its worker lives.
    Always,
}

/// Text is no [`KeepAlive`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("takes a length of time such as 0, 30s, 5m or 1h, or -1 for ever")]
pub struct NotKeepAlive;

impl FromStr for KeepAlive {
    type Err = NotKeepAlive;

    /// A number of seconds, or one with a unit: `s`, `m`, `h`, `d`. Any negative one is for ever.
    fn from_str(text: &str) -> Result<KeepAlive, NotKeepAlive> {
        let text = text.trim_ascii();
        let with_unit = |(unit, seconds)| Some((text.strip_suffix(unit)?, seconds));
        let (number, unit) = UNITS.into_iter().find_map(with_unit).unwrap_or((text, 1));
        let (is_negative, number) = match number.strip_prefix('-') {
            Some(number) => (true, number),
            None => (false, number.strip_prefix('+').unwrap_or(number)),
        };
        let nanos = decimal_nanos(number).ok_or(NotKeepAlive)?.checked_mul(unit);
        match nanos.map(Duration::from_nanos) {
            Some(time) if is_negative && !time.is_zero() => Ok(KeepAlive::Always),
            Some(time) if time <= MAX => Ok(KeepAlive::For(time)),
            _ => Err(NotKeepAlive),
        }
    }
}

/// A decimal number of seconds, such as `300` or `2.5`, in nanoseconds.
///
/// Not by way of `f64`: the tables with which Rust reads one are as large as the rest of the npm package.
fn decimal_nanos(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let are_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if text.is_empty() || fraction.is_empty() || !are_digits(whole) || !are_digits(fraction) {
        return None;
    }
    let seconds: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let nanos = fraction.bytes().chain(iter::repeat(b'0')).take(9);
    let nanos = nanos.fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'));
    seconds.checked_mul(1_000_000_000)?.checked_add(nanos)
}

impl fmt::Display for KeepAlive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeepAlive::For(time) => f.write_str(&format_seconds(*time)),
            KeepAlive::Always => f.write_str("-1"),
        }
    }
}

impl Serialize for KeepAlive {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("0", 0)]
    #[case("300", 300_000)]
    #[case(" 2.5s ", 2_500)]
    #[case("5m", 300_000)]
    #[case("1h", 3_600_000)]
    #[case("7d", 604_800_000)]
    #[case(".5", 500)]
    #[case("+1.0005m", 60_030)]
    #[case("-0", 0)]
    #[case("0.0019999999999", 1)]
    fn a_length_of_time_has_a_unit(#[case] text: &str, #[case] millis: u64) {
        let Ok(KeepAlive::For(time)) = text.parse() else { panic!("it is no length of time") };
        assert_eq!(time.as_millis(), u128::from(millis));
    }

    #[rstest]
    #[case("-1")]
    #[case("-1m")]
    #[case("-0.5")]
    fn whatever_is_negative_is_for_ever(#[case] text: &str) {
        assert_eq!(text.parse(), Ok(KeepAlive::Always));
    }

    #[rstest]
    #[case("")]
    #[case("m")]
    #[case("soon")]
    #[case("5 minutes")]
    #[case("1w")]
    #[case("inf")]
    #[case("nan")]
    #[case("1e12")]
    #[case("1000000001")]
    #[case("99999999999999999999")]
    #[case("5.")]
    #[case(".")]
    #[case("1.2.3")]
    #[case("--1")]
    #[case("-")]
    #[case("١")]
    #[case("9999999d")]
    fn what_is_no_length_of_time_is_refused(#[case] text: &str) {
        assert_eq!(text.parse::<KeepAlive>(), Err(NotKeepAlive));
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read(millis in 0..1_000_000_000_u64) {
            let time = KeepAlive::For(Duration::from_millis(millis));
            prop_assert_eq!(time.to_string().parse(), Ok(time));
        }
    }
}
