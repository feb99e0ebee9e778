//! The heads of calls and replies, as postcard carries them between the processes.

use std::borrow::Cow;

use bytes::Bytes;
use owt_core::{Call, Content, Entry, FileName, Part, Request};
use serde::{Deserialize, Serialize};

use super::FrameError;

/// A call, but for its body: what is to run, and the request that brought it. Most handlers never look at the
/// request, so its head lies behind what the worker has to read.
///
/// All text is borrowed, from the call or from the frame that it came in.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CallHead<'a> {
    #[serde(borrow)]
    pub run: RunHead<'a>,
    #[serde(borrow)]
    pub request: RequestHead<'a>,
}

/// What a call is to run, and how.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RunHead<'a> {
    pub request_id: &'a str,
    pub digest: [u8; 32],
    pub source: Option<&'a str>,
    pub kwargs: Option<&'a str>,
    pub fn_name: &'a str,
    /// The file that the code is from.
    pub name: Option<&'a str>,
    pub reload: bool,
    /// The parts of the path of a named endpoint; `None` of a call with arguments of its own.
    #[serde(borrow)]
    pub endpoint: Option<Vec<(&'a str, &'a str)>>,
    /// Whether the function is described, and not called.
    pub describe: bool,
    /// Whether to say when the call begins to run, because its time is limited.
    pub tell_start: bool,
    /// Bytes of the body, or of all parts one after the other: the call begins when all of them are
    /// there. `None` for a body that comes while the call runs, and ends with [`BodyEnd`](super::Kind::BodyEnd).
    pub body_len: Option<u64>,
}

/// The request that brought a call.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RequestHead<'a> {
    pub method: &'a str,
    pub scheme: &'a str,
    pub host: &'a str,
    pub path: &'a str,
    pub query: &'a str,
    pub remote_addr: &'a str,
    #[serde(borrow)]
    /// Their values are of serde_bytes because serde takes a slice for a list, and writes each byte by itself.
    pub headers: Vec<(&'a str, &'a serde_bytes::Bytes)>,
    #[serde(borrow)]
    pub parts: Option<Vec<PartHead<'a>>>,
}

impl<'a> CallHead<'a> {
    /// The head of a call that is sent whole. Without its source, the worker has to know that.
    pub fn new(call: &'a Call, source: Option<&'a str>) -> Self {
        Self { run: RunHead::new(call, source), request: RequestHead::new(&call.request) }
    }
}

impl<'a> RunHead<'a> {
    fn new(call: &'a Call, source: Option<&'a str>) -> Self {
        Self {
            request_id: &call.request.id,
            digest: call.code.digest().0,
            source,
            kwargs: call.kwargs.as_deref(),
            fn_name: &call.fn_name,
            name: call.file_name.as_ref().map(FileName::as_str),
            reload: call.reload,
            endpoint: match &call.entry {
                Entry::Endpoint(parts) => {
                    Some(parts.iter().map(|(name, part)| (&**name, &**part)).collect())
                }
                Entry::Envelope | Entry::Description => None,
            },
            describe: call.entry == Entry::Description,
            tell_start: false,
            body_len: Some(held_bytes(call).map(|content| content.len() as u64).sum()),
        }
    }
}

impl<'a> RequestHead<'a> {
    fn new(request: &'a Request) -> Self {
        let parts = request.parts.as_ref();
        Self {
            method: &request.method,
            scheme: &request.scheme,
            host: &request.host,
            path: &request.path,
            query: &request.query,
            remote_addr: &request.remote_addr,
            headers: request
                .headers
                .iter()
                .map(|(name, value)| (name, serde_bytes::Bytes::new(value)))
                .collect(),
            parts: parts.map(|parts| parts.iter().map(PartHead::new).collect()),
        }
    }
}

/// The head of a call as it came, which is read where it lies: a call of a known adaptor needs a few of its
/// fields, and none of them for long.
#[derive(Debug)]
pub struct EncodedCallHead {
    pub digest: [u8; 32],
    pub tell_start: bool,
    pub body_len: Option<u64>,
    bytes: Bytes,
    /// Where the head of the request begins.
    request_at: usize,
}

impl EncodedCallHead {
    pub(super) fn new(bytes: Bytes) -> Result<Self, FrameError> {
        let (run, request) = postcard::take_from_bytes::<RunHead<'_>>(&bytes)?;
        let RunHead { digest, tell_start, body_len, .. } = run;
        let request_at = bytes.len() - request.len();
        Ok(Self { digest, tell_start, body_len, bytes, request_at })
    }

    /// What to run.
    pub fn run(&self) -> RunHead<'_> {
        let decoded = postcard::from_bytes(&self.bytes[..self.request_at]);
        decoded.expect("it was decoded when it came")
    }

    /// The request, which nobody has looked at before.
    pub fn request(&self) -> Result<RequestHead<'_>, FrameError> {
        Ok(postcard::from_bytes(&self.bytes[self.request_at..])?)
    }
}

/// One part of a multipart body. Its data lies in the call's body, in the order of the parts, or in
/// a file.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct PartHead<'a> {
    pub name: &'a str,
    pub filename: Option<&'a str>,
    pub content_type: Option<&'a str>,
    /// Bytes in the call's body; none of a part that lies in a file.
    pub len: u64,
    pub path: Option<Cow<'a, str>>,
}

impl<'a> PartHead<'a> {
    fn new(part: &'a Part) -> Self {
        Self {
            name: &part.name,
            filename: part.filename.as_deref(),
            content_type: part.content_type.as_deref(),
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
