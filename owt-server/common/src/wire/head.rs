//! The heads of calls and replies, as postcard carries them between the processes.

use std::borrow::Cow;

use bytes::Bytes;
use owt_core::{Call, Content, Entry, Part};
use serde::{Deserialize, Serialize};

/// A call, but for its body.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CallHead<'a> {
    pub request_id: Cow<'a, str>,
    pub digest: [u8; 32],
    pub source: Option<Cow<'a, str>>,
    pub kwargs: Option<Cow<'a, str>>,
    pub fn_name: Cow<'a, str>,
    /// The file that the code is from.
    pub name: Option<Cow<'a, str>>,
    pub reload: bool,
    /// The parts of the path of a named endpoint; `None` of a call with arguments of its own.
    pub endpoint: Option<Vec<(Cow<'a, str>, Cow<'a, str>)>>,
    /// Whether the function is described, and not called.
    pub describe: bool,
    /// Whether to say when the call begins to run, because its time is limited.
    pub tell_start: bool,
    pub method: Cow<'a, str>,
    pub scheme: Cow<'a, str>,
    pub host: Cow<'a, str>,
    pub path: Cow<'a, str>,
    pub query: Cow<'a, str>,
    pub remote_addr: Cow<'a, str>,
    pub headers: Vec<(Cow<'a, str>, Cow<'a, [u8]>)>,
    pub parts: Option<Vec<PartHead<'a>>>,
    /// Bytes of the body, or of all parts one after the other: the call begins when all of them are
    /// there. `None` for a body that comes while the call runs, and ends with [`BodyEnd`](super::Kind::BodyEnd).
    pub body_len: Option<u64>,
}

impl<'a> CallHead<'a> {
    /// The head of a call that is sent whole. Without its source, the worker has to know that.
    pub fn new(call: &'a Call, source: Option<&'a str>) -> Self {
        let request = &call.request;
        let parts = request.parts.as_ref();
        Self {
            request_id: Cow::from(&request.id),
            digest: call.code.digest().0,
            source: source.map(Cow::from),
            kwargs: call.kwargs.as_deref().map(Cow::from),
            fn_name: Cow::from(&call.fn_name),
            name: call.file_name.as_ref().map(|name| Cow::from(name.as_str())),
            reload: call.reload,
            endpoint: match &call.entry {
                Entry::Endpoint(parts) => {
                    Some(parts.iter().map(|(name, part)| (name.into(), part.into())).collect())
                }
                Entry::Envelope | Entry::Description => None,
            },
            describe: call.entry == Entry::Description,
            tell_start: false,
            method: Cow::from(&request.method),
            scheme: Cow::from(&request.scheme),
            host: Cow::from(&request.host),
            path: Cow::from(&request.path),
            query: Cow::from(&request.query),
            remote_addr: Cow::from(&request.remote_addr),
            headers: request
                .headers
                .iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
            parts: parts.map(|parts| parts.iter().map(PartHead::new).collect()),
            body_len: Some(held_bytes(call).map(|content| content.len() as u64).sum()),
        }
    }
}

/// One part of a multipart body. Its data lies in the call's body, in the order of the parts, or in
/// a file.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct PartHead<'a> {
    pub name: Cow<'a, str>,
    pub filename: Option<Cow<'a, str>>,
    pub content_type: Option<Cow<'a, str>>,
    /// Bytes in the call's body; none of a part that lies in a file.
    pub len: u64,
    pub path: Option<Cow<'a, str>>,
}

impl<'a> PartHead<'a> {
    fn new(part: &'a Part) -> Self {
        Self {
            name: Cow::from(&part.name),
            filename: part.filename.as_deref().map(Cow::from),
            content_type: part.content_type.as_deref().map(Cow::from),
            len: held(part).map_or(0, |bytes| bytes.len() as u64),
            path: match &part.content {
                Content::InMemory(_) => None,
                Content::File(path) => Some(path.to_string_lossy()),
            },
        }
    }
}

fn held(part: &Part) -> Option<&Bytes> {
    match &part.content {
        Content::InMemory(bytes) => Some(bytes),
        Content::File(_) => None,
    }
}

/// What is in memory of a call's body, or of all parts one after the other: the data that follows its head.
pub fn held_bytes(call: &Call) -> impl Iterator<Item = &Bytes> {
    let parts = call.request.parts.as_deref();
    let whole = parts.is_none().then_some(&call.request.body);
    whole.into_iter().chain(parts.into_iter().flatten().filter_map(held))
}

/// A reply, but for its body.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ReplyHead<'a> {
    pub status: u16,
    pub content_type: Option<Cow<'a, str>>,
    pub headers: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// Microseconds spent loading the adaptor, and running it until this head.
    pub load_us: u64,
    pub run_us: u64,
    /// The body's length in bytes where it is known now.
    pub length: Option<u64>,
}

/// An error that the Python side made: its code and its whole text.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Failure<'a> {
    pub code: Cow<'a, str>,
    pub text: Cow<'a, str>,
    /// What a log may hold of an exception: its type, and where the adaptor was.
    pub place: Option<Cow<'a, str>>,
    /// Microseconds spent loading the adaptor, and running it.
    pub load_us: u64,
    pub run_us: u64,
}
