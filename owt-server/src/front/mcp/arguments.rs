//! The arguments of tools, as what a call is made of.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use owt_core::{Code, Content, DEFAULT_FN_NAME, Digest, Envelope, Error, Part};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use rmcp::model::JsonObject;
use serde::Deserialize;
use serde_json::Value;

use crate::front::routes::names_in_path;

/// What stands in a segment of a path as it is (RFC 3986, section 3.3).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What `run_python` takes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RunPython {
    code: String,
    kwargs: Option<JsonObject>,
    function: Option<String>,
    timeout: Option<f64>,
    pool: Option<String>,
}

/// What `call_adaptor` takes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CallAdaptor {
    sha256: String,
    kwargs: Option<JsonObject>,
    function: Option<String>,
    timeout: Option<f64>,
    pool: Option<String>,
}

/// The envelope that the arguments of `run_python` stand for.
pub(super) fn of_source(arguments: JsonObject) -> Result<Envelope, Error> {
    let RunPython { code, kwargs, function, timeout, pool } = parse(arguments)?;
    envelope(Code::source(&code), kwargs, function, timeout, pool)
}

/// The envelope that the arguments of `call_adaptor` stand for.
pub(super) fn of_digest(arguments: JsonObject) -> Result<Envelope, Error> {
    let CallAdaptor { sha256, kwargs, function, timeout, pool } = parse(arguments)?;
    let digest: Digest = sha256.to_ascii_lowercase().parse().map_err(|_| Error::FieldInvalid {
        field: "sha256",
        problem: "takes 64 hexadecimal digits",
    })?;
    envelope(Code::Known(digest), kwargs, function, timeout, pool)
}

fn parse<T: for<'de> Deserialize<'de>>(arguments: JsonObject) -> Result<T, Error> {
    serde_json::from_value(Value::Object(arguments))
        .map_err(|err| Error::Arguments(format!("The arguments do not fit: {err}.")))
}

fn envelope(
    code: Code,
    kwargs: Option<JsonObject>,
    function: Option<String>,
    timeout: Option<f64>,
    pool: Option<String>,
) -> Result<Envelope, Error> {
    Ok(Envelope {
        kwargs: kwargs.map(|kwargs| Value::Object(kwargs).to_string()),
        fn_name: function.unwrap_or_else(|| DEFAULT_FN_NAME.to_owned()),
        timeout: timeout.map(seconds).transpose()?,
        pool,
        ..Envelope::new(code)
    })
}

fn seconds(timeout: f64) -> Result<Duration, Error> {
    let duration = Duration::try_from_secs_f64(timeout).ok().filter(|limit| !limit.is_zero());
    let problem = "takes a positive number of seconds";
    duration.ok_or(Error::FieldInvalid { field: "timeout", problem })
}

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
    /// If a part of the path is missing, or a file is not in base64.
    pub(super) fn new(
        template: &str,
        files: &[&str],
        mut arguments: JsonObject,
    ) -> Result<Self, Error> {
        let mut in_path = Vec::new();
        let mut path = template.to_owned();
        for name in names_in_path(template) {
            let value = arguments
                .remove(&name)
                .ok_or_else(|| Error::Arguments(format!("The argument {name:?} is missing.")))?;
            let value = text(value);
            // A part that takes the rest of the path has several segments.
            let segments: Vec<String> = value
                .split('/')
                .map(|segment| utf8_percent_encode(segment, SEGMENT).to_string())
                .collect();
            path = path.replace(&format!("{{*{name}}}"), &segments.join("/"));
            let encoded = utf8_percent_encode(&value, SEGMENT).to_string();
            path = path.replace(&format!("{{{name}}}"), &encoded);
            in_path.push((name, value));
        }
        let has_files = files.iter().any(|name| arguments.contains_key(*name));
        let body = match has_files {
            false => EndpointBody::Json(Value::Object(arguments).to_string().into()),
            true => EndpointBody::Form(form(files, arguments)?),
        };
        Ok(Self { path, in_path, body })
    }
}

fn form(files: &[&str], arguments: JsonObject) -> Result<Vec<Part>, Error> {
    let part = |(name, value): (String, Value)| {
        let is_file = files.contains(&name.as_str());
        let value = text(value);
        let content = match is_file {
            false => value.into_bytes(),
            true => STANDARD
                .decode(value.as_bytes())
                .map_err(|_| Error::Arguments(format!("The file {name:?} is not in base64.")))?,
        };
        let filename = is_file.then(|| name.clone());
        Ok(Part { name, filename, content_type: None, content: Content::InMemory(content.into()) })
    };
    arguments.into_iter().map(part).collect()
}

/// A value as a form or a path has it.
fn text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn object(value: &Value) -> JsonObject {
        value.as_object().expect("it is an object").clone()
    }

    #[test]
    fn arguments_of_code_are_those_of_an_envelope() {
        let arguments = json!({
            "code": "lambda n: n", "kwargs": {"n": 1}, "function": "f", "timeout": 0.5, "pool": "gpu",
        });
        let expected = Envelope {
            kwargs: Some(r#"{"n":1}"#.to_owned()),
            fn_name: "f".to_owned(),
            timeout: Some(Duration::from_millis(500)),
            pool: Some("gpu".to_owned()),
            ..Envelope::new(Code::source("lambda n: n"))
        };
        assert_eq!(of_source(object(&arguments)).unwrap(), expected);
    }

    #[test]
    fn known_code_is_named_by_its_digest_in_either_case() {
        let digest = Digest::of("lambda: 1");
        let arguments = json!({ "sha256": digest.to_string().to_uppercase() });
        let expected = Envelope::new(Code::Known(digest));
        assert_eq!(of_digest(object(&arguments)).unwrap(), expected);
    }

    #[rstest]
    #[case::no_code(json!({}), "arguments")]
    #[case::unknown(json!({ "code": "1", "cod": "2" }), "arguments")]
    #[case::list(json!({ "code": "1", "kwargs": [] }), "arguments")]
    #[case::no_time(json!({ "code": "1", "timeout": 0 }), "field-invalid")]
    #[case::negative(json!({ "code": "1", "timeout": -1 }), "field-invalid")]
    #[case::endless(json!({ "code": "1", "timeout": 1e300 }), "field-invalid")]
    fn arguments_that_do_not_fit_are_refused(#[case] arguments: Value, #[case] expected: &str) {
        assert_eq!(of_source(object(&arguments)).unwrap_err().code(), expected);
    }

    #[test]
    fn arguments_of_an_endpoint_go_into_its_path_and_its_body() {
        let arguments = object(&json!({ "voice": "a b/c", "rest": "d/e f", "text": "hi", "n": 2 }));
        let found = EndpointRequest::new("/say/{voice}/{*rest}", &[], arguments).unwrap();
        let expected = EndpointRequest {
            path: "/say/a%20b%2Fc/d/e%20f".to_owned(),
            in_path: vec![
                ("voice".to_owned(), "a b/c".to_owned()),
                ("rest".to_owned(), "d/e f".to_owned()),
            ],
            body: EndpointBody::Json(Bytes::from_static(br#"{"n":2,"text":"hi"}"#)),
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn a_file_makes_it_a_form() {
        let arguments = object(&json!({ "audio": "AAEC", "words": ["a"], "name": "x" }));
        let found = EndpointRequest::new("/hear", &["audio"], arguments).unwrap();
        let part = |name: &str, filename: Option<&str>, content: &'static [u8]| Part {
            name: name.to_owned(),
            filename: filename.map(str::to_owned),
            content_type: None,
            content: Content::InMemory(Bytes::from_static(content)),
        };
        let expected = EndpointBody::Form(vec![
            part("audio", Some("audio"), &[0, 1, 2]),
            part("name", None, b"x"),
            part("words", None, br#"["a"]"#),
        ]);
        assert_eq!(found.body, expected);
    }

    #[rstest]
    #[case::part_of_the_path(json!({}), r#"The argument "voice" is missing."#)]
    #[case::file(json!({ "voice": "a", "audio": "?" }), r#"The file "audio" is not in base64."#)]
    fn what_an_endpoint_cannot_take_is_told(#[case] arguments: Value, #[case] expected: &str) {
        let found = EndpointRequest::new("/{voice}", &["audio"], object(&arguments)).unwrap_err();
        assert_eq!(found.sentence(), expected);
    }
}
