//! What has to be known of a message before it is parsed: whether that is safe, and what it is about.

use std::borrow::Cow;

use bytes::Bytes;
use owt_core::Error;
use owt_core::kwargs::Extent;
use rmcp::model::RequestId;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::front::body::{LARGE, unless_small};

/// The most bytes of a message.
pub(super) const MAX_BYTES: u64 = 4 << 20;

/// The most words, numbers, strings and signs in it: what parses it tries one kind of message after
/// another, and keeps each value in between.
const MAX_TOKENS: usize = 100_000;

/// How deep it may nest.
const MAX_NESTING: usize = 100;

/// The beginning of a session: what answers it may give it an id.
const INITIALIZE: &str = "initialize";

/// The client wants no answer any more to one of its requests.
const CANCELLED: &str = "notifications/cancelled";

/// A message, as far as it is looked into here.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) kind: Kind,
    /// The arguments of a tool as they were written. What rmcp makes of them has no integers beyond 64
    /// bits.
    pub(super) arguments: Option<Box<RawValue>>,
}

/// What a message is about.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Initialize,
    /// The request with this id is cancelled.
    Cancelled(RequestId),
    Other,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Fields<'a> {
    #[serde(borrow)]
    method: Option<Cow<'a, str>>,
    params: Option<Params>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Params {
    request_id: Option<RequestId>,
    arguments: Option<Box<RawValue>>,
}

/// Looks into a message. One that is none is [`Kind::Other`], whose parser says what is wrong.
///
/// # Errors
/// [`Error::BodyTooLarge`] or [`Error::KwargsTooDeep`] if to parse it would take too long.
pub(super) async fn look(bytes: &Bytes) -> Result<Message, Error> {
    let (is_large, bytes) = (bytes.len() > LARGE, bytes.clone());
    unless_small(is_large, move || look_now(&bytes)).await
}

fn look_now(bytes: &[u8]) -> Result<Message, Error> {
    let text = str::from_utf8(bytes).unwrap_or_default();
    let extent = Extent::of(text);
    if extent.depth > MAX_NESTING {
        return Err(Error::KwargsTooDeep { limit: MAX_NESTING });
    }
    if extent.tokens > MAX_TOKENS {
        return Err(Error::KwargsTooLarge { limit: MAX_BYTES });
    }
    let Fields { method, params } = serde_json::from_str(text).unwrap_or_default();
    let Params { request_id, arguments } = params.unwrap_or_default();
    let kind = match (method.as_deref(), request_id) {
        (Some(INITIALIZE), _) => Kind::Initialize,
        (Some(CANCELLED), Some(id)) => Kind::Cancelled(id),
        _ => Kind::Other,
    };
    Ok(Message { kind, arguments })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::initialize(r#"{"method":"initialize","params":{}}"#, Kind::Initialize)]
    #[case::cancelled(
        r#"{"method":"notifications/cancelled","params":{"requestId":7}}"#,
        Kind::Cancelled(RequestId::Number(7))
    )]
    #[case::cancelled_by_a_text(
        r#"{"method":"notifications/cancelled","params":{"requestId":"7"}}"#,
        Kind::Cancelled(RequestId::String("7".into()))
    )]
    #[case::cancelled_without_an_id(r#"{"method":"notifications/cancelled"}"#, Kind::Other)]
    #[case::other(r#"{"method":"tools/list","params":{"requestId":7}}"#, Kind::Other)]
    #[case::answer(r#"{"id":1,"result":{}}"#, Kind::Other)]
    #[case::list("[]", Kind::Other)]
    #[case::no_json("{", Kind::Other)]
    fn a_message_is_known_by_its_method(#[case] text: &str, #[case] expected: Kind) {
        assert_eq!(look_now(text.as_bytes()).unwrap().kind, expected);
    }

    #[rstest]
    #[case::deep(format!(r#"{{"params":{}{}}}"#, "[".repeat(200), "]".repeat(200)), "kwargs-invalid")]
    #[case::many_values(format!("[{}0]", "0,".repeat(60_000)), "kwargs-too-large")]
    fn what_would_take_long_to_parse_is_refused(#[case] text: String, #[case] expected: &str) {
        assert_eq!(look_now(text.as_bytes()).unwrap_err().code(), expected);
    }

    #[test]
    fn arguments_are_kept_as_they_were_written() {
        let text = r#"{"method":"tools/call","params":{"arguments":{"n": 18446744073709551616}}}"#;
        let arguments = look_now(text.as_bytes()).unwrap().arguments.unwrap();
        assert_eq!(arguments.get(), r#"{"n": 18446744073709551616}"#);
    }

    #[test]
    fn a_long_text_is_no_reason_to_refuse_a_message() {
        let text = format!(
            r#"{{"method":"tools/call","params":{{"code":"{}"}}}}"#,
            "[1],".repeat(900_000)
        );
        assert_eq!(look_now(text.as_bytes()).unwrap().kind, Kind::Other);
    }
}
