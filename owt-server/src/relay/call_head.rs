//! The head of a call that is handed on: all of it but the body.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use owt_core::{Call, Code, Content, Digest, Entry, FileName, Part, Request};
use serde::{Deserialize, Serialize};

/// A call in JSON, behind its length: four bytes, the least first.
///
/// Fields that an older owt does not know, it ignores; those that it did not send are as if unset.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct CallHead<'a> {
    pub(crate) id: Cow<'a, str>,
    digest: Digest,
    /// Missing where the other one is taken to know it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kwargs: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lock: Option<Cow<'a, str>>,
    fn_name: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    file_name: Option<Cow<'a, str>>,
    #[serde(default)]
    reload: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    timeout: Option<Duration>,
    /// The pool that it is for, which the other one need not have.
    pub(crate) pool: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    keep_alive: Option<String>,
    /// The parts of the path of a named endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    endpoint: Option<Vec<(Cow<'a, str>, Cow<'a, str>)>>,
    /// Whether the function is described, and not called.
    #[serde(default)]
    describe: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    home: Option<Digest>,
    method: Cow<'a, str>,
    scheme: Cow<'a, str>,
    host: Cow<'a, str>,
    path: Cow<'a, str>,
    query: Cow<'a, str>,
    remote_addr: Cow<'a, str>,
    /// Each byte of a value is a character.
    headers: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) parts: Option<Vec<PartHead<'a>>>,
    /// Whether the arguments are data, which are not evaluated.
    #[serde(default)]
    pub(crate) data_only: bool,
    /// How many bytes of the body are there at once; none of a form, whose parts have lengths.
    pub(crate) body_len: u64,
    /// Whether more of it comes while the call runs.
    pub(crate) is_streamed: bool,
}

/// One part of a form, but for its content. These follow the head one after the other.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct PartHead<'a> {
    name: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    filename: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content_type: Option<Cow<'a, str>>,
    pub(crate) len: u64,
}

impl<'a> CallHead<'a> {
    /// The head of a call for a pool. `lens` are the lengths of the parts of its form.
    pub(crate) fn new(
        call: &'a Call,
        pool: &'a str,
        source: Option<&'a str>,
        lens: &[u64],
        is_streamed: bool,
    ) -> Self {
        let request = &call.request;
        let texts = |pair: &'a (String, String)| (Cow::from(&pair.0), Cow::from(&pair.1));
        let part = |(part, len): (&'a Part, &u64)| PartHead {
            name: Cow::from(&part.name),
            filename: part.filename.as_deref().map(Cow::from),
            content_type: part.content_type.as_deref().map(Cow::from),
            len: *len,
        };
        Self {
            id: Cow::from(&request.id),
            digest: call.code.digest(),
            source: source.map(Cow::from),
            kwargs: call.kwargs.as_deref().map(Cow::from),
            lock: call.lock.as_deref().map(Cow::from),
            fn_name: Cow::from(&call.fn_name),
            file_name: call.file_name.as_ref().map(|name| Cow::from(name.as_str())),
            reload: call.reload,
            timeout: call.timeout,
            pool: Cow::from(pool),
            keep_alive: call.keep_alive.map(|time| time.to_string()),
            endpoint: match &call.entry {
                Entry::Endpoint(parts) => Some(parts.iter().map(texts).collect()),
                Entry::Envelope | Entry::Description => None,
            },
            describe: call.entry == Entry::Description,
            home: call.home,
            method: Cow::from(&request.method),
            scheme: Cow::from(&request.scheme),
            host: Cow::from(&request.host),
            path: Cow::from(&request.path),
            query: Cow::from(&request.query),
            remote_addr: Cow::from(&request.remote_addr),
            headers: request
                .headers
                .iter()
                .map(|(name, value)| (Cow::from(name), to_text(value)))
                .collect(),
            parts: request.parts.as_ref().map(|all| all.iter().zip(lens).map(part).collect()),
            data_only: false,
            body_len: if request.parts.is_some() { 0 } else { request.body.len() as u64 },
            is_streamed,
        }
    }

    /// As it goes over the wire, with its length in front.
    pub(crate) fn encode(&self) -> Bytes {
        let mut bytes = BytesMut::zeroed(size_of::<u32>()).writer();
        serde_json::to_writer(&mut bytes, self).expect("memory takes it, and it is text");
        let mut bytes = bytes.into_inner();
        let len = u32::try_from(bytes.len() - size_of::<u32>()).expect("texts are bounded");
        bytes[..size_of::<u32>()].copy_from_slice(&len.to_le_bytes());
        bytes.freeze()
    }

    /// The call, with its body or the beginning of it, for a pool that is there.
    pub(crate) fn into_call(self, pool: String, body: Bytes, contents: Vec<Content>) -> Call {
        let texts =
            |(name, value): (Cow<'_, str>, Cow<'_, str>)| (name.into_owned(), value.into_owned());
        let part = |(head, content): (PartHead<'_>, Content)| Part {
            name: head.name.into_owned(),
            filename: head.filename.map(Cow::into_owned),
            content_type: head.content_type.map(Cow::into_owned),
            content,
        };
        Call {
            code: match &self.source {
                Some(source) => Code::source(source),
                None => Code::Known(self.digest),
            },
            kwargs: self.kwargs.map(Cow::into_owned),
            lock: self.lock.map(Arc::from),
            fn_name: self.fn_name.into_owned(),
            file_name: self.file_name.and_then(|name| FileName::new(&name)),
            reload: self.reload,
            // Whoever hands the call on makes it again.
            retry: false,
            timeout: self.timeout,
            pool: Some(pool),
            keep_alive: self.keep_alive.and_then(|text| text.parse().ok()),
            entry: match (self.endpoint, self.describe) {
                (_, true) => Entry::Description,
                (Some(parts), false) => Entry::Endpoint(parts.into_iter().map(texts).collect()),
                (None, false) => Entry::Envelope,
            },
            home: self.home,
            cache: None,
            request: Request {
                id: self.id.into_owned(),
                method: self.method.into_owned(),
                scheme: self.scheme.into_owned(),
                host: self.host.into_owned(),
                path: self.path.into_owned(),
                query: self.query.into_owned(),
                remote_addr: self.remote_addr.into_owned(),
                headers: self
                    .headers
                    .iter()
                    .map(|(name, value)| (&**name, to_bytes(value)))
                    .collect(),
                body,
                parts: self.parts.map(|parts| parts.into_iter().zip(contents).map(part).collect()),
            },
        }
    }

    /// The digest of the code, which a source that comes along has to have.
    pub(crate) fn digest(&self) -> Digest {
        self.source.as_ref().map_or(self.digest, |source| Code::source(source).digest())
    }

    pub(crate) fn fn_name(&self) -> &str {
        &self.fn_name
    }

    pub(crate) fn has_lock(&self) -> bool {
        self.lock.is_some()
    }

    /// How many bytes of texts it brings that are not bounded as heads of requests are.
    pub(crate) fn kwargs(&self) -> Option<&str> {
        self.kwargs.as_deref()
    }
}

/// The length of a head, by the four bytes in front of it.
pub(crate) fn read_len(bytes: [u8; 4]) -> usize {
    u32::from_le_bytes(bytes) as usize
}

/// Bytes as the characters of Latin-1.
fn to_text(bytes: &[u8]) -> Cow<'_, str> {
    match str::from_utf8(bytes) {
        Ok(text) if text.is_ascii() => Cow::from(text),
        _ => bytes.iter().map(|byte| char::from(*byte)).collect(),
    }
}

fn to_bytes(text: &str) -> Vec<u8> {
    match text.is_ascii() {
        true => text.as_bytes().to_vec(),
        false => text.chars().map(|char| u8::try_from(char).unwrap_or(b'?')).collect(),
    }
}

#[cfg(test)]
mod tests {
    use owt_core::{Headers, KeepAlive};
    use proptest::prelude::*;

    use super::*;

    fn decoded(bytes: &[u8]) -> CallHead<'static> {
        let (len, json) = bytes.split_first_chunk().unwrap();
        assert_eq!(read_len(*len), json.len());
        serde_json::from_slice(json).unwrap()
    }

    fn call(code: Code, entry: Entry, parts: Option<Vec<Part>>) -> Call {
        Call {
            code,
            kwargs: Some("{\"a\": '\u{e4}'}".to_owned()),
            lock: Some("version = 1".into()),
            fn_name: "run".to_owned(),
            file_name: FileName::new("a.py"),
            reload: true,
            retry: false,
            timeout: Some(Duration::from_millis(1500)),
            pool: Some("default".to_owned()),
            keep_alive: Some(KeepAlive::For(Duration::from_secs(300))),
            entry,
            home: Some(Digest::of("home")),
            cache: None,
            request: Request {
                id: "r1".to_owned(),
                method: "PUT".to_owned(),
                scheme: "https".to_owned(),
                host: "owt.example".to_owned(),
                path: "/a%20b".to_owned(),
                query: "x=1".to_owned(),
                remote_addr: "::1".to_owned(),
                headers: Headers::from_iter([("x-a", "plain")]),
                body: if parts.is_some() { Bytes::new() } else { "body".into() },
                parts,
            },
        }
    }

    fn part(content: Content) -> Part {
        let (name, filename) = ("f".to_owned(), Some("f.bin".to_owned()));
        Part { name, filename, content_type: Some("image/png".to_owned()), content }
    }

    #[test]
    fn a_call_is_the_same_on_the_other_side() {
        let endpoint = Entry::Endpoint(vec![("name".to_owned(), "\u{e4}".to_owned())]);
        let parts = || vec![part(Content::InMemory("abc".into()))];
        let calls = [
            (call(Code::source("1 + 1"), Entry::Envelope, None), Some("1 + 1")),
            (call(Code::Known(Digest::of("1 + 1")), endpoint, None), None),
            (call(Code::Known(Digest::of("1")), Entry::Description, Some(parts())), None),
        ];
        for (call, source) in calls {
            let lens: Vec<u64> = call.request.parts.iter().flatten().map(|_| 3).collect();
            let head = decoded(&CallHead::new(&call, "default", source, &lens, true).encode());
            assert!(head.is_streamed);
            let contents = match &call.request.parts {
                Some(parts) => parts.iter().map(|part| part.content.clone()).collect(),
                None => Vec::new(),
            };
            let body = call.request.body.clone();
            assert_eq!(head.into_call("default".to_owned(), body, contents), call);
        }
    }

    #[test]
    fn fields_that_are_not_known_or_missing_do_no_harm() {
        let digest = Digest::of("x");
        let json = format!(
            "{{\"id\": \"r\", \"digest\": \"{digest}\", \"fn_name\": \"run\", \"pool\": \"p\", \"method\": \
             \"GET\", \"scheme\": \"http\", \"host\": \"\", \"path\": \"/\", \"query\": \"\", \
             \"remote_addr\": \"\", \"headers\": [], \"body_len\": 0, \"is_streamed\": false, \
             \"from-the-future\": [1]}}"
        );
        let head: CallHead<'_> = serde_json::from_str(&json).unwrap();
        let call = head.into_call("default".to_owned(), Bytes::new(), Vec::new());
        assert_eq!(
            (call.code, call.entry, call.timeout),
            (Code::Known(digest), Entry::Envelope, None)
        );
    }

    proptest! {
        #[test]
        fn any_header_keeps_its_bytes(value in proptest::collection::vec(any::<u8>(), 0..50)) {
            prop_assert_eq!(to_bytes(&to_text(&value)), value);
        }
    }
}
