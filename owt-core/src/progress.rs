//! How far a call has come, as its code says.

use serde::{Deserialize, Serialize, Serializer};

/// The longest text that goes with progress, in characters.
pub const MAX_TEXT: usize = 200;

/// Up to here every whole number is a float of its own.
const MAX_WHOLE: f64 = 9_007_199_254_740_992.0;

/// How far a call has come.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// How much is done, in whatever the code counts.
    #[serde(serialize_with = "number")]
    pub done: f64,
    /// How much there is to do, where that is known.
    #[serde(default, serialize_with = "optional_number")]
    pub total: Option<f64>,
    /// What is being done.
    #[serde(default)]
    pub text: Option<String>,
}

impl Progress {
    /// Progress whose text is cut to [`MAX_TEXT`]; nothing if `done` is no number. A total that is none,
    /// or infinite, is not known.
    ///
    /// # Examples
    ///
    /// ```
    /// use owt_core::Progress;
    ///
    /// let progress = Progress::new(3.0, Some(f64::INFINITY), Some("loading")).unwrap();
    /// assert_eq!((progress.done, progress.total), (3.0, None));
    /// assert_eq!(Progress::new(f64::NAN, None, None), None);
    /// ```
    #[must_use]
    pub fn new(done: f64, total: Option<f64>, text: Option<&str>) -> Option<Progress> {
        let progress = || Progress {
            done,
            total: total.filter(|total| total.is_finite()),
            text: text.map(|text| text.chars().take(MAX_TEXT).collect()),
        };
        done.is_finite().then(progress)
    }
}

/// For people, whole numbers have no fraction.
fn number<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    let is_whole = value.fract() == 0.0 && value.abs() <= MAX_WHOLE;
    match is_whole && serializer.is_human_readable() {
        #[allow(clippy::cast_possible_truncation)]
        true => serializer.serialize_i64(*value as i64),
        false => serializer.serialize_f64(*value),
    }
}

fn optional_number<S: Serializer>(value: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
    struct Number(f64);

    impl Serialize for Number {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            number(&self.0, serializer)
        }
    }

    match value {
        Some(value) => serializer.serialize_some(&Number(*value)),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case(3.0, Some(10.0), json!({ "done": 3, "total": 10, "text": "t" }))]
    #[case(0.5, Some(1.5), json!({ "done": 0.5, "total": 1.5, "text": "t" }))]
    #[case(-1.0, None, json!({ "done": -1, "total": null, "text": "t" }))]
    #[case(1e300, Some(f64::NAN), json!({ "done": 1e300, "total": null, "text": "t" }))]
    fn it_is_json_as_one_would_write_it(
        #[case] done: f64,
        #[case] total: Option<f64>,
        #[case] expected: serde_json::Value,
    ) {
        let progress = Progress::new(done, total, Some("t")).unwrap();
        assert_eq!(serde_json::to_value(&progress).unwrap(), expected);
        assert_eq!(serde_json::from_value::<Progress>(expected).unwrap(), progress);
    }

    #[test]
    fn its_text_is_cut_between_characters() {
        let progress = Progress::new(1.0, None, Some(&"\u{1f989}".repeat(MAX_TEXT + 1))).unwrap();
        assert_eq!(progress.text, Some("\u{1f989}".repeat(MAX_TEXT)));
    }
}
