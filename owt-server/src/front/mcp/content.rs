//! What a tool answers, as blocks of content by its media type.

use actix_web::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use mime::Mime;
use owt_core::Digest;
use rmcp::model::{CallToolResult, ContentBlock, MetaObject, Resource, ResourceContents};
use serde_json::Value;

/// The pictures that models can see; others are told as files.
const PICTURES: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];

/// The key in `_meta` of the SHA-256 of the code that has answered.
const CODE_SHA256: &str = "code_sha256";

const TWO_TO_THE_63: f64 = 9_223_372_036_854_775_808.0;

/// What a call has answered.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) media_type: Option<String>,
    pub(super) body: Body,
    /// Names what is answered, where that is a file.
    pub(super) uri: String,
    /// Of the code, unless that is an endpoint's.
    pub(super) digest: Option<Digest>,
}

pub(super) enum Body {
    Whole(Bytes),
    /// It is too large for a message, and kept at `uri`.
    Kept {
        bytes: u64,
    },
}

impl Answer {
    pub(super) fn into_result(self) -> CallToolResult {
        let kind: Option<Mime> = self.media_type.as_deref().and_then(|text| text.parse().ok());
        let (block, structured) = match self.body {
            Body::Whole(bytes) => block(&bytes, kind.as_ref(), self.media_type, self.uri),
            Body::Kept { bytes } => (link(bytes, self.media_type, self.uri), None),
        };
        let mut result = match self.status.is_client_error() || self.status.is_server_error() {
            false => CallToolResult::success(vec![block]),
            true => CallToolResult::error(vec![block]),
        };
        result.structured_content = structured;
        result.with_meta(self.digest.map(of_code))
    }
}

/// What went wrong, in words.
pub(super) fn problem(sentence: String) -> CallToolResult {
    CallToolResult::error(vec![ContentBlock::text(sentence)])
}

fn of_code(digest: Digest) -> MetaObject {
    let mut meta = MetaObject::new();
    meta.insert(CODE_SHA256.to_owned(), digest.to_string().into());
    meta
}

/// A block, and what it is as a value, if it is an object of JSON.
fn block(
    bytes: &[u8],
    kind: Option<&Mime>,
    media_type: Option<String>,
    uri: String,
) -> (ContentBlock, Option<Value>) {
    let Some(kind) = kind else { return (text_or_file(bytes, media_type, uri), None) };
    match () {
        () if PICTURES.contains(&kind.essence_str()) => {
            (ContentBlock::image(STANDARD.encode(bytes), kind.essence_str()), None)
        }
        () if kind.type_() == mime::AUDIO => {
            (ContentBlock::audio(STANDARD.encode(bytes), kind.essence_str()), None)
        }
        () if is_json(kind) => {
            let value: Option<Value> = serde_json::from_slice(bytes).ok();
            // Until 2026-07-28, nothing but an object was structured content.
            let value = value.filter(|value| value.is_object() && is_exact(value));
            (text_or_file(bytes, media_type, uri), value)
        }
        () if is_text(kind) => (ContentBlock::text(decoded(bytes, kind)), None),
        () => (file(bytes, media_type, uri), None),
    }
}

/// Whether all numbers are what was written: integers beyond 64 bits become floats, and the text has them.
fn is_exact(value: &Value) -> bool {
    match value {
        Value::Number(number) => number
            .as_f64()
            .is_none_or(|float| number.is_i64() || number.is_u64() || float.abs() < TWO_TO_THE_63),
        Value::Array(items) => items.iter().all(is_exact),
        Value::Object(entries) => entries.values().all(is_exact),
        _ => true,
    }
}

fn is_json(kind: &Mime) -> bool {
    kind.subtype() == mime::JSON || kind.suffix() == Some(mime::JSON)
}

fn is_text(kind: &Mime) -> bool {
    kind.type_() == mime::TEXT
        || kind.suffix() == Some(mime::XML)
        || matches!(kind.subtype().as_str(), "xml" | "javascript" | "x-ndjson" | "yaml" | "toml")
}

/// A text in the character set that it names, as far as that is one of the two that HTTP is about.
fn decoded(bytes: &[u8], kind: &Mime) -> String {
    match kind.get_param(mime::CHARSET) {
        Some(charset) if charset == "iso-8859-1" => bytes.iter().copied().map(char::from).collect(),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}

fn text_or_file(bytes: &[u8], media_type: Option<String>, uri: String) -> ContentBlock {
    match str::from_utf8(bytes) {
        Ok(text) => ContentBlock::text(text),
        Err(_) => file(bytes, media_type, uri),
    }
}

fn file(bytes: &[u8], media_type: Option<String>, uri: String) -> ContentBlock {
    let contents = ResourceContents::blob(STANDARD.encode(bytes), uri);
    let contents = match media_type {
        Some(media_type) => contents.with_mime_type(media_type),
        None => contents,
    };
    ContentBlock::resource(contents)
}

fn link(bytes: u64, media_type: Option<String>, uri: String) -> ContentBlock {
    let resource = Resource::new(uri, "reply")
        .with_size(bytes)
        .with_description("The reply is too large for a message: it is kept here for a while");
    ContentBlock::ResourceLink(match media_type {
        Some(media_type) => resource.with_mime_type(media_type),
        None => resource,
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn answer(media_type: Option<&str>, body: &'static [u8]) -> Answer {
        Answer {
            status: StatusCode::OK,
            media_type: media_type.map(str::to_owned),
            body: Body::Whole(Bytes::from_static(body)),
            uri: "owt:calls/7".to_owned(),
            digest: None,
        }
    }

    #[rstest]
    #[case::text(Some("text/plain; charset=utf-8"), b"h\xc3\xa9", json!({ "type": "text", "text": "hé" }))]
    #[case::latin1(Some("text/plain; charset=iso-8859-1"), b"h\xe9", json!({ "type": "text", "text": "hé" }))]
    #[case::broken_text(Some("text/plain"), b"h\xff", json!({ "type": "text", "text": "h\u{fffd}" }))]
    #[case::events(Some("text/event-stream"), b"data: 1\n\n", json!({ "type": "text", "text": "data: 1\n\n" }))]
    #[case::svg(Some("image/svg+xml"), b"<svg/>", json!({ "type": "text", "text": "<svg/>" }))]
    #[case::untyped(None, b"words", json!({ "type": "text", "text": "words" }))]
    #[case::png(Some("image/png"), b"\x89P", json!({ "type": "image", "data": "iVA=", "mimeType": "image/png" }))]
    #[case::wav(Some("audio/wav"), b"RIFF", json!({ "type": "audio", "data": "UklGRg==", "mimeType": "audio/wav" }))]
    #[case::list(Some("application/json"), b"[1]", json!({ "type": "text", "text": "[1]" }))]
    #[case::binary(
        Some("application/octet-stream"),
        b"\x00\xff",
        json!({ "type": "resource", "resource": {
            "uri": "owt:calls/7", "blob": "AP8=", "mimeType": "application/octet-stream",
        } })
    )]
    #[case::untyped_binary(
        None,
        b"\xff",
        json!({ "type": "resource", "resource": { "uri": "owt:calls/7", "blob": "/w==" } })
    )]
    #[case::tiff(
        Some("image/tiff"),
        b"II",
        json!({ "type": "resource", "resource": {
            "uri": "owt:calls/7", "blob": "SUk=", "mimeType": "image/tiff",
        } })
    )]
    fn a_reply_is_a_block_of_its_media_type(
        #[case] media_type: Option<&str>,
        #[case] body: &'static [u8],
        #[case] expected: Value,
    ) {
        let result = serde_json::to_value(answer(media_type, body).into_result()).unwrap();
        let expected = json!({ "resultType": "complete", "content": [expected], "isError": false });
        assert_eq!(result, expected);
    }

    #[test]
    fn an_object_is_structured_content_as_well() {
        let answer = answer(Some("application/json"), br#"{"a": 1}"#);
        let expected = json!({
            "resultType": "complete",
            "content": [{ "type": "text", "text": "{\"a\": 1}" }],
            "structuredContent": { "a": 1 },
            "isError": false,
        });
        assert_eq!(serde_json::to_value(answer.into_result()).unwrap(), expected);
    }

    #[test]
    fn what_a_value_cannot_hold_is_in_the_text_alone() {
        let result = answer(Some("application/json"), br#"{"n": [-9223372036854775809]}"#);
        let expected = json!({
            "resultType": "complete",
            "content": [{ "type": "text", "text": "{\"n\": [-9223372036854775809]}" }],
            "isError": false,
        });
        assert_eq!(serde_json::to_value(result.into_result()).unwrap(), expected);
    }

    #[test]
    fn what_is_too_large_for_a_message_is_a_link() {
        let answer = Answer {
            status: StatusCode::NOT_FOUND,
            body: Body::Kept { bytes: 5 << 20 },
            uri: "http://localhost:9876/_owt/jobs/7".to_owned(),
            digest: Some(Digest::of("1")),
            ..answer(Some("text/csv"), b"")
        };
        let expected = json!({
            "resultType": "complete",
            "content": [{
                "type": "resource_link",
                "uri": "http://localhost:9876/_owt/jobs/7",
                "name": "reply",
                "description": "The reply is too large for a message: it is kept here for a while",
                "mimeType": "text/csv",
                "size": 5 << 20,
            }],
            "isError": true,
            "_meta": { "code_sha256": Digest::of("1").to_string() },
        });
        assert_eq!(serde_json::to_value(answer.into_result()).unwrap(), expected);
    }
}
