//! The value of an argument, as text that is sent.

use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::literal;

/// A value: JSON if JSON can hold it, Python otherwise.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Json(String),
    Python(String),
}

impl Value {
    pub(super) fn text(text: &str) -> Value {
        Value::Json(quoted(text))
    }

    /// JSON or a Python literal, if the text reads as one, and otherwise the text itself.
    pub(super) fn read(text: &str) -> Value {
        if is_json(text) {
            // Kept as it stands: a parsed number would lose digits.
            return Value::Json(text.trim().to_owned());
        }
        literal::read(text).unwrap_or_else(|| Value::text(text))
    }

    pub(super) fn to_python(&self) -> String {
        match self {
            Value::Python(text) => text.clone(),
            Value::Json(json) => python_from_json(json),
        }
    }
}

/// Text in double quotes, escaped in a way that JSON and Python share.
pub(super) fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("any text is JSON")
}

/// Whether text is JSON, not nested too deeply to be worked with.
fn is_json(text: &str) -> bool {
    serde_json::from_str::<serde_json::Value>(text).is_ok()
}

/// The entries of a JSON object, or nothing if the text is none.
pub(super) fn json_entries(text: &str) -> Option<Vec<(String, Value)>> {
    if !is_json(text) {
        return None;
    }
    let entries = raw_entries(text)?;
    Some(entries.into_iter().map(|(key, raw)| (key, Value::Json(raw.get().to_owned()))).collect())
}

fn raw_entries(object: &str) -> Option<Vec<(String, &RawValue)>> {
    serde_json::Deserializer::from_str(object).deserialize_map(EntriesVisitor).ok()
}

/// Reads an object's entries in order, each value as it is written.
struct EntriesVisitor;

impl<'de> Visitor<'de> for EntriesVisitor {
    type Value = Vec<(String, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(entries)
    }
}

/// The Python literal of the value that JSON has. It recurses as deep as `is_json` lets JSON be.
fn python_from_json(json: &str) -> String {
    match json.as_bytes().first() {
        Some(b'{') => {
            let entries = raw_entries(json).expect("JSON that begins with a brace is an object");
            let item = |(key, raw): &(String, &RawValue)| {
                format!("{}: {}", quoted(key), python_from_json(raw.get()))
            };
            format!("{{{}}}", entries.iter().map(item).collect::<Vec<_>>().join(", "))
        }
        Some(b'[') => {
            let items: Vec<&RawValue> =
                serde_json::from_str(json).expect("JSON that begins with a bracket is an array");
            let item = |raw: &&RawValue| python_from_json(raw.get());
            format!("[{}]", items.iter().map(item).collect::<Vec<_>>().join(", "))
        }
        Some(b'"') => {
            let text: String =
                serde_json::from_str(json).expect("JSON that begins with a quote is text");
            quoted(&text)
        }
        _ => match json {
            "true" => "True".to_owned(),
            "false" => "False".to_owned(),
            "null" => "None".to_owned(),
            number => number.to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::number("3", "3")]
    #[case::negative_number("-3.5e2", "-3.5e2")]
    #[case::long_number("123456789012345678901234567890", "123456789012345678901234567890")]
    #[case::json_words("[true, null]", "[true, null]")]
    #[case::python_words("[True, None]", "[true,null]")]
    #[case::bare_json_word("true", "true")]
    #[case::python_text("'it''s'", r#""its""#)]
    #[case::white_space(" 3\n", "3")]
    #[case::telephone_number("0123", r#""0123""#)]
    #[case::telephone_number_abroad("+44123", r#""+44123""#)]
    #[case::version("1.2.3", r#""1.2.3""#)]
    #[case::word("hello", r#""hello""#)]
    #[case::open_list("[1, 2", r#""[1, 2""#)]
    #[case::open_quote("'tis", r#""'tis""#)]
    #[case::expression("os.getcwd()", r#""os.getcwd()""#)]
    #[case::not_a_number("NaN", r#""NaN""#)]
    #[case::quotes(r#"say "hi""#, r#""say \"hi\"""#)]
    fn what_json_can_hold_is_json(#[case] text: &str, #[case] json: &str) {
        assert_eq!(Value::read(text), Value::Json(json.to_owned()));
    }

    #[rstest]
    #[case("(1, 2)")]
    #[case("b'x'")]
    #[case("{1, 2}")]
    #[case("{1: 'a'}")]
    #[case("[(1, 2), 3]")]
    #[case("2j")]
    fn what_only_python_can_hold_is_python(#[case] text: &str) {
        assert_eq!(Value::read(text), Value::Python(text.to_owned()));
    }

    #[rstest]
    #[case("true", "True")]
    #[case(r#"{"a": [null, false, -1.5e3], "b": {}}"#, r#"{"a": [None, False, -1.5e3], "b": {}}"#)]
    #[case(r#""\ud83d\ude00\/\u0007""#, r#""😀/\u0007""#)]
    #[case("123456789012345678901234567890", "123456789012345678901234567890")]
    fn json_is_written_as_python(#[case] json: &str, #[case] python: &str) {
        assert_eq!(Value::Json(json.to_owned()).to_python(), python);
    }

    #[test]
    fn deep_json_is_text() {
        let deep = "[".repeat(10_000) + &"]".repeat(10_000);
        assert_eq!(Value::read(&deep), Value::text(&deep));
    }
}
