//! How long an adaptor stays loaded without a call, as Ollama's field of this name has it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::envelope::format_seconds;

/// The units of a length of time, and their seconds.
const UNITS: [(&str, f64); 4] = [("s", 1.0), ("m", 60.0), ("h", 3600.0), ("d", 86_400.0)];

/// About thirty years: the end of any later time is no point in time.
const MAX_SECONDS: f64 = 1e9;

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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
        let text = text.trim();
        let with_unit = |(unit, seconds)| Some((text.strip_suffix(unit)?, seconds));
        let (number, unit) = UNITS.into_iter().find_map(with_unit).unwrap_or((text, 1.0));
        // Rust also reads "inf" and "nan" as numbers, and Ollama does not.
        let is_plain = number.ends_with(|c: char| c.is_ascii_digit());
        let seconds: f64 = number.parse().ok().filter(|_| is_plain).ok_or(NotKeepAlive)?;
        match seconds * unit {
            seconds if seconds < 0.0 => Ok(KeepAlive::Always),
            seconds if seconds <= MAX_SECONDS => {
                Ok(KeepAlive::For(Duration::from_secs_f64(seconds)))
            }
            _ => Err(NotKeepAlive),
        }
    }
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
    fn a_length_of_time_has_a_unit(#[case] text: &str, #[case] millis: u64) {
        assert_eq!(text.parse(), Ok(KeepAlive::For(Duration::from_millis(millis))));
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
