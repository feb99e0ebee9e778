//! A message of the Model Context Protocol, as far as its way to a server depends on it.

use owt_client::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

/// JSON-RPC's code for a message that is no JSON.
const NO_JSON: i32 = -32700;

/// And for what went wrong on the way.
const INTERNAL: i32 = -32603;

const PROTOCOL_VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
const METHOD: HeaderName = HeaderName::from_static("mcp-method");
const NAME: HeaderName = HeaderName::from_static("mcp-name");

/// Where a message of the revisions from 2026-07-28 on says which one it is of.
const VERSION_IN_META: &str = "io.modelcontextprotocol/protocolVersion";

/// What comes from an agent.
#[derive(Debug)]
pub(super) struct Message {
    /// As it was written: a value has no integers beyond 64 bits.
    line: String,
    value: Value,
}

impl Message {
    /// # Errors
    /// The answer to what is no message.
    pub(super) fn parse(line: String) -> Result<Self, String> {
        match serde_json::from_str(&line) {
            Ok(value @ Value::Object(_)) => Ok(Self { line, value }),
            _ => Err(error(&Value::Null, NO_JSON, "it is no object of JSON")),
        }
    }

    pub(super) fn method(&self) -> &str {
        self.value["method"].as_str().unwrap_or_default()
    }

    /// The id under which an answer is awaited; none of what awaits no answer.
    pub(super) fn id(&self) -> Option<&Value> {
        self.value.get("id").filter(|_| !self.method().is_empty())
    }

    /// The id of the request that it cancels, if it does.
    pub(super) fn cancelled(&self) -> Option<&Value> {
        match self.method() {
            "notifications/cancelled" => self.value["params"].get("requestId"),
            _ => None,
        }
    }

    /// The headers that go with it over HTTP (revision 2026-07-28, Streamable HTTP).
    pub(super) fn headers(&self, negotiated: Option<&str>) -> HeaderMap {
        let of_message = self.value["params"]["_meta"][VERSION_IN_META].as_str();
        let name = of_message.and(self.value["params"]["name"].as_str());
        let values = [
            (PROTOCOL_VERSION, of_message.or(negotiated)),
            (METHOD, of_message.map(|_| self.method())),
            (NAME, name),
        ];
        let values = values
            .into_iter()
            .filter_map(|(header, value)| Some((header, HeaderValue::from_str(value?).ok()?)));
        values.collect()
    }

    pub(super) fn into_line(self) -> String {
        self.line
    }
}

/// What comes from a server.
pub(super) struct Answer {
    text: String,
    value: Value,
}

impl Answer {
    /// Nothing if it is no object of JSON.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(text).ok()?;
        value.is_object().then(|| Self { text: text.to_owned(), value })
    }

    /// Whether it answers the request with this id, rather than tells of it.
    pub(super) fn is_to(&self, id: &Value) -> bool {
        self.value.get("method").is_none() && self.value.get("id") == Some(id)
    }

    /// The revision that a session is of, which its first answer says.
    pub(super) fn protocol_version(&self) -> Option<String> {
        self.value["result"]["protocolVersion"].as_str().map(str::to_owned)
    }

    /// As it was written, if that is one line.
    pub(super) fn into_line(self) -> String {
        match self.text.contains(['\n', '\r']) {
            false => self.text,
            true => self.value.to_string(),
        }
    }
}

/// The answer to a line that is too long to be read.
pub(super) fn too_long(limit: usize) -> String {
    error(&Value::Null, NO_JSON, &format!("a message has no more than {limit} bytes"))
}

/// The answer to a request that has come to nothing on its way.
pub(super) fn failed(id: &Value, problem: &str) -> String {
    error(id, INTERNAL, problem)
}

fn error(id: &Value, code: i32, message: &str) -> String {
    json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": message } }).to_string()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::request(r#"{"method":"tools/list","id":"a"}"#, Some(json!("a")), None)]
    #[case::notification(r#"{"method":"notifications/initialized"}"#, None, None)]
    #[case::answer(r#"{"id":1,"result":{}}"#, None, None)]
    #[case::cancelled(
        r#"{"method":"notifications/cancelled","params":{"requestId":1}}"#,
        None,
        Some(json!(1))
    )]
    fn a_message_says_whether_it_awaits_an_answer_or_cancels_one(
        #[case] line: &str,
        #[case] id: Option<Value>,
        #[case] cancelled: Option<Value>,
    ) {
        let message = Message::parse(line.to_owned()).unwrap();
        assert_eq!((message.id(), message.cancelled()), (id.as_ref(), cancelled.as_ref()));
    }

    #[test]
    fn what_is_written_stays_as_it_is() {
        let line = r#"{"method": "x", "params": [18446744073709551616, 1.0]}"#;
        assert_eq!(Message::parse(line.to_owned()).unwrap().into_line(), line);
        assert_eq!(Answer::parse(line).unwrap().into_line(), line);
        assert_eq!(Answer::parse("{\n\"id\":\n1}").unwrap().into_line(), r#"{"id":1}"#);
        assert!(Answer::parse("hello").is_none() && Answer::parse("[1]").is_none());
    }

    #[rstest]
    #[case(r#"{"id":1,"result":{}}"#, true)]
    #[case(r#"{"id":1,"error":{}}"#, true)]
    #[case(r#"{"id":"1","result":{}}"#, false)]
    #[case(r#"{"id":1,"method":"ping"}"#, false)]
    #[case(r#"{"method":"notifications/progress"}"#, false)]
    fn an_answer_is_known_by_its_id(#[case] text: &str, #[case] expected: bool) {
        assert_eq!(Answer::parse(text).unwrap().is_to(&json!(1)), expected);
    }

    #[test]
    fn what_is_no_message_is_answered() {
        let expected = json!({
            "jsonrpc": "2.0",
            "id": null,
            "error": { "code": -32700, "message": "it is no object of JSON" },
        });
        for line in ["{", "[1]", "1"] {
            let answer = Message::parse(line.to_owned()).err().unwrap();
            assert_eq!(serde_json::from_str::<Value>(&answer).unwrap(), expected);
        }
    }

    #[test]
    fn headers_repeat_what_a_message_of_the_newer_revision_says() {
        let line = r#"{"method":"tools/call","id":1,"params":{"name":"words","_meta":{
            "io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}"#;
        let headers = Message::parse(line.to_owned()).unwrap().headers(Some("2025-11-25"));
        let expected = [
            (PROTOCOL_VERSION, HeaderValue::from_static("2026-07-28")),
            (METHOD, HeaderValue::from_static("tools/call")),
            (NAME, HeaderValue::from_static("words")),
        ];
        assert_eq!(headers, expected.into_iter().collect());
    }

    #[test]
    fn a_message_of_an_older_revision_has_the_negotiated_version_alone() {
        let line = r#"{"method":"tools/call","id":1,"params":{"name":"words"}}"#;
        let headers = Message::parse(line.to_owned()).unwrap().headers(Some("2025-11-25"));
        let expected = [(PROTOCOL_VERSION, HeaderValue::from_static("2025-11-25"))];
        assert_eq!(headers, expected.into_iter().collect());
        assert!(Message::parse(line.to_owned()).unwrap().headers(None).is_empty());
    }
}
