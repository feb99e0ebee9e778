//! A request to a named endpoint, made of the arguments of its tool.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use owt_core::{Content, Error, Part};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::value::RawValue;

use super::arguments::Arguments;
use crate::front::routes::names_in_path;

/// What stands in a segment of a path as it is (RFC 3986, section 3.3).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A request to a named endpoint, as its arguments make it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct EndpointRequest {
    /// Percent-encoded.
    pub(super) path: String,
    /// The parts of the path that are arguments.
    pub(super) in_path: Vec<(String, String)>,
    pub(super) body: EndpointBody,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum EndpointBody {
    Json(Bytes),
    /// Where an argument is a file.
    Form(Vec<Part>),
}

impl EndpointRequest {
    /// `files` are the names of those arguments that are files, in base64.
    ///
    /// # Errors
    /// If a part of the path is missing or empty, or a file is not in base64.
    pub(super) fn new(
        template: &str,
        files: &[&str],
        mut arguments: Arguments,
    ) -> Result<Self, Error> {
        let mut in_path = Vec::new();
        let mut path = template.to_owned();
        for name in names_in_path(template) {
            let missing = || Error::Arguments(format!("The argument {name:?} is missing."));
            let value = arguments.remove(&name).map(|value| text(&value)).unwrap_or_default();
            // As a path has no part that is empty.
            let value = Some(value).filter(|value| !value.is_empty()).ok_or_else(missing)?;
            let encoded = utf8_percent_encode(&value, SEGMENT).to_string();
            // A part that takes the rest of the path has several segments.
            path = path.replace(&format!("{{*{name}}}"), &encoded.replace("%2F", "/"));
            path = path.replace(&format!("{{{name}}}"), &encoded);
            in_path.push((name, value));
        }
        let has_files = arguments.has_any(files);
        let body = match has_files {
            false => EndpointBody::Json(arguments.to_json()?),
            true => EndpointBody::Form(form(files, arguments)?),
        };
        Ok(Self { path, in_path, body })
    }
}

fn form(files: &[&str], arguments: Arguments) -> Result<Vec<Part>, Error> {
    let part = |(name, value): (String, Box<RawValue>)| {
        let is_file = files.contains(&name.as_str());
        let value = text(&value);
        let content = match is_file {
            false => value.into_bytes(),
            true => STANDARD
                .decode(value.as_bytes())
                .map_err(|_| Error::Arguments(format!("The file {name:?} is not in base64.")))?,
        };
        let filename = is_file.then(|| name.clone());
        Ok(Part { name, filename, content_type: None, content: Content::InMemory(content.into()) })
    };
    arguments.into_entries().into_iter().map(part).collect()
}

/// A value as a form or a path has it.
fn text(value: &RawValue) -> String {
    serde_json::from_str(value.get()).unwrap_or_else(|_| value.get().to_owned())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn arguments(text: &str) -> Arguments {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn arguments_of_an_endpoint_go_into_its_path_and_its_body() {
        let arguments = arguments(
            r#"{"voice": "a b/c", "rest": "d/e f", "text": "hi", "n": 18446744073709551616}"#,
        );
        let found = EndpointRequest::new("/say/{voice}/{*rest}", &[], arguments).unwrap();
        let expected = EndpointRequest {
            path: "/say/a%20b%2Fc/d/e%20f".to_owned(),
            in_path: vec![
                ("voice".to_owned(), "a b/c".to_owned()),
                ("rest".to_owned(), "d/e f".to_owned()),
            ],
            body: EndpointBody::Json(Bytes::from_static(
                br#"{"text":"hi","n":18446744073709551616}"#,
            )),
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn a_file_makes_it_a_form() {
        let arguments = arguments(r#"{"audio": "AAEC", "words": ["a"], "name": "x"}"#);
        let found = EndpointRequest::new("/hear", &["audio"], arguments).unwrap();
        let part = |name: &str, filename: Option<&str>, content: &'static [u8]| Part {
            name: name.to_owned(),
            filename: filename.map(str::to_owned),
            content_type: None,
            content: Content::InMemory(Bytes::from_static(content)),
        };
        let expected = EndpointBody::Form(vec![
            part("audio", Some("audio"), &[0, 1, 2]),
            part("words", None, br#"["a"]"#),
            part("name", None, b"x"),
        ]);
        assert_eq!(found.body, expected);
    }

    #[rstest]
    #[case::part_of_the_path("{}", r#"The argument "voice" is missing."#)]
    #[case::empty_part_of_the_path(r#"{"voice": ""}"#, r#"The argument "voice" is missing."#)]
    #[case::file(r#"{"voice": "a", "audio": "?"}"#, r#"The file "audio" is not in base64."#)]
    fn what_an_endpoint_cannot_take_is_told(#[case] given: &str, #[case] expected: &str) {
        let found = EndpointRequest::new("/{voice}", &["audio"], arguments(given)).unwrap_err();
        assert_eq!(found.sentence(), expected);
    }
}
