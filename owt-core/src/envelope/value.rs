//! Kinds of values that fields have, and values of these kinds.

use std::borrow::Cow;
use std::time::Duration;

use serde::{Serialize, Serializer};

/// What kind of value a field has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// Base64 of Python source.
    Source,
    /// 64 hexadecimal digits.
    Digest,
    /// Arguments, in base64 or as they stand.
    Kwargs,
    /// Any text.
    Text,
    /// True or false, and false by default.
    Flag,
    /// A positive number of seconds.
    Seconds,
    /// The name of a Python file. Any other text is ignored, since a handler may have a field of its own
    /// that is called so.
    FileName,
}

impl FieldKind {
    /// What is wrong with a value of another kind.
    pub(super) fn problem(self) -> ValueInvalid {
        ValueInvalid(match self {
            FieldKind::Source | FieldKind::Text | FieldKind::FileName => "takes text",
            FieldKind::Digest => "takes 64 hexadecimal digits",
            FieldKind::Kwargs => "takes text or an object",
            FieldKind::Flag => "takes true or false",
            FieldKind::Seconds => "takes a positive number of seconds",
        })
    }
}

/// What is wrong with a value, as the end of a sentence that begins with the field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a field {0}")]
pub struct ValueInvalid(pub &'static str);

/// A value of a field. Written out without `serde_json::Value`, whose floating point would be a good
/// part of the JavaScript package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldValue<'a> {
    /// Text, a file's name among it.
    Text(Cow<'a, str>),
    /// True or false.
    Flag(bool),
    /// A length of time.
    Seconds(Duration),
}

impl<'a> FieldValue<'a> {
    pub(crate) fn into_text(self) -> Cow<'a, str> {
        match self {
            FieldValue::Text(text) => text,
            FieldValue::Flag(flag) => if flag { "true" } else { "false" }.into(),
            FieldValue::Seconds(duration) => decimal(duration).into(),
        }
    }
}

impl Serialize for FieldValue<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            FieldValue::Text(text) => serializer.serialize_str(text),
            FieldValue::Flag(flag) => serializer.serialize_bool(*flag),
            FieldValue::Seconds(duration) if duration.subsec_nanos() == 0 => {
                serializer.serialize_u64(duration.as_secs())
            }
            FieldValue::Seconds(duration) => serializer.serialize_f64(duration.as_secs_f64()),
        }
    }
}

/// Seconds as a decimal number, to the nanosecond.
fn decimal(duration: Duration) -> String {
    let text = format!("{}.{:09}", duration.as_secs(), duration.subsec_nanos());
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
