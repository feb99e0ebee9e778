//! The kinds of fields, and the values of options.

use std::borrow::Cow;
use std::time::Duration;

use serde::{Serialize, Serializer};

/// The kind of a field's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// Base64 of Python source.
    Source,
    /// 64 hexadecimal digits.
    Digest,
    /// Arguments, in base64 or as they stand.
    Kwargs,
    /// Base64 of a lock.
    Lock,
    /// Any text.
    Text,
    /// True or false, and false by default.
    Flag,
    /// A positive number of seconds.
    Seconds,
    /// A length of time, or -1: see [`KeepAlive`](crate::KeepAlive).
    KeepAlive,
    /// The name of a Python file. Any other text is ignored, since a handler may have a field of its own
    /// with this name.
    FileName,
}

impl FieldKind {
    /// What is wrong with a value of another kind.
    pub(super) fn mismatch(self) -> ValueInvalid {
        ValueInvalid(match self {
            FieldKind::Source | FieldKind::Lock | FieldKind::Text | FieldKind::FileName => {
                "takes text"
            }
            FieldKind::Digest => "takes 64 hexadecimal digits",
            FieldKind::Kwargs => "takes text or an object",
            FieldKind::Flag => "takes true or false",
            FieldKind::Seconds => "takes a positive number of seconds",
            FieldKind::KeepAlive => {
                "takes a length of time such as 0, 30s, 5m or 1h, or -1 for ever"
            }
        })
    }
}

/// What is wrong with a value, in words that follow the field's name: `timeout` `takes …`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a field {0}")]
pub struct ValueInvalid(pub &'static str);

/// The value of an option. Not a `serde_json::Value`: its formatting of floating-point numbers would
/// make up much of the size of the JavaScript package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldValue<'a> {
    /// Text.
    Text(Cow<'a, str>),
    /// True or false.
    Flag(bool),
    /// A duration, sent as a number of seconds.
    Duration(Duration),
}

impl<'a> FieldValue<'a> {
    pub(crate) fn into_text(self) -> Cow<'a, str> {
        match self {
            FieldValue::Text(text) => text,
            FieldValue::Flag(flag) => if flag { "true" } else { "false" }.into(),
            FieldValue::Duration(duration) => format_seconds(duration).into(),
        }
    }
}

impl Serialize for FieldValue<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            FieldValue::Text(text) => serializer.serialize_str(text),
            FieldValue::Flag(flag) => serializer.serialize_bool(*flag),
            FieldValue::Duration(duration) if duration.subsec_nanos() == 0 => {
                serializer.serialize_u64(duration.as_secs())
            }
            FieldValue::Duration(duration) => serializer.serialize_f64(duration.as_secs_f64()),
        }
    }
}

/// Seconds as a decimal number, to the nanosecond.
pub(crate) fn format_seconds(duration: Duration) -> String {
    let text = format!("{}.{:09}", duration.as_secs(), duration.subsec_nanos());
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
