//! A call on its way to a member: the request that it becomes.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;

use bytes::Bytes;
use futures_util::stream::{LocalBoxStream, StreamExt, TryStreamExt, iter, once};
use hyper::Request;
use hyper::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HOST};
use owt_core::{BodyStream, Call, Content, Error};
use tokio::fs::{File, metadata};
use tokio::sync::oneshot;
use tokio_util::io::ReaderStream;

use super::access::MembersAccess;
use super::connections::OutBody;
use super::member::Member;
use super::pool::MembersPool;
use crate::relay::{CALL, CallHead, PATH};

/// Bytes that are read from a file at once.
const CHUNK: usize = 64 * 1024;

/// The rest of a body, until a member has taken the call and reads it; and what it broke off with, if it did.
#[derive(Default)]
pub(super) struct Unsent {
    pub(super) rest: Cell<Option<BodyStream>>,
    pub(super) error: RefCell<Option<Error>>,
}

impl Unsent {
    pub(super) fn new(rest: Option<BodyStream>) -> Rc<Self> {
        Rc::new(Self { rest: Cell::new(rest), error: RefCell::default() })
    }

    /// Whether there is something that no member has begun to read.
    pub(super) fn is_there(&self) -> bool {
        let rest = self.rest.take();
        let is_there = rest.is_some();
        self.rest.set(rest);
        is_there
    }
}

/// A request for a member, and what has it send the rest of the body.
pub(super) async fn request(
    call: &Call,
    pool: &MembersPool,
    source: Option<&str>,
    member: &Member,
    unsent: &Rc<Unsent>,
) -> Result<(Request<OutBody>, oneshot::Sender<()>), Error> {
    let parts = call.request.parts.as_deref().unwrap_or_default();
    let mut lens = Vec::with_capacity(parts.len());
    for part in parts {
        lens.push(match &part.content {
            Content::InMemory(bytes) => bytes.len() as u64,
            Content::File(path) => metadata(path).await.map_err(|err| unreadable(&err))?.len(),
        });
    }
    let is_streamed = unsent.is_there();
    let mut head = CallHead::new(call, &pool.name, source, &lens, is_streamed);
    head.data_only = pool.limits.takes_data_only;
    let head = head.encode();
    let body = if call.request.parts.is_some() { &Bytes::new() } else { &call.request.body };
    let length = (head.len() + body.len()) as u64 + lens.iter().sum::<u64>();
    let held: Vec<Bytes> = [head, body.clone()].into_iter().filter(|it| !it.is_empty()).collect();
    let contents: Vec<Content> = parts.iter().map(|part| part.content.clone()).collect();
    let chunks = iter(held.into_iter().map(Ok)).chain(iter(contents).flat_map(read));
    let (take, taken) = oneshot::channel();
    let chunks = match is_streamed {
        true => chunks.chain(once(rest(unsent.clone(), taken)).flatten()).boxed_local(),
        false => chunks.boxed_local(),
    };
    let mut request =
        Request::post(target(member, PATH)).header(HOST, &*host(member)).header(CONTENT_TYPE, CALL);
    if !is_streamed {
        request = request.header(CONTENT_LENGTH, length);
    }
    if let Some(value) = &pool.access.authorization {
        request = request.header(AUTHORIZATION, value);
    }
    let request = request.body(OutBody(chunks)).expect("its parts are valid");
    Ok((request, take))
}

/// A request without a body.
pub(super) fn plain(
    method: &str,
    path: &str,
    member: &Member,
    access: &MembersAccess,
) -> Request<OutBody> {
    let mut request =
        Request::builder().method(method).uri(target(member, path)).header(HOST, &*host(member));
    if let Some(value) = &access.authorization {
        request = request.header(AUTHORIZATION, value);
    }
    request.body(OutBody(iter([]).boxed_local())).expect("its parts are valid")
}

/// HTTP/2 wants the whole URL, and HTTP/1.1 takes it.
fn target(member: &Member, path: &str) -> String {
    match member.url.is_tls {
        true => format!("https://{}{path}", host(member)),
        false => path.to_owned(),
    }
}

fn host(member: &Member) -> String {
    match member.host.contains(':') {
        true => format!("[{}]:{}", member.host, member.url.port),
        false => format!("{}:{}", member.host, member.url.port),
    }
}

/// What comes once the member has taken the call; until then, it can go to another one.
async fn rest(unsent: Rc<Unsent>, taken: oneshot::Receiver<()>) -> LocalBoxStream<'static, Chunk> {
    let rest = taken.await.ok().and_then(|()| unsent.rest.take());
    let Some(rest) = rest else { return iter([]).boxed_local() };
    let note = move |err: &Error| {
        unsent.error.borrow_mut().get_or_insert_with(|| err.clone());
    };
    rest.inspect_err(note).boxed_local()
}

type Chunk = Result<Bytes, Error>;

fn read(content: Content) -> LocalBoxStream<'static, Chunk> {
    match content {
        Content::InMemory(bytes) => iter((!bytes.is_empty()).then_some(Ok(bytes))).boxed_local(),
        Content::File(path) => {
            let open = async {
                let file = File::open(path).await?;
                Ok::<_, io::Error>(ReaderStream::with_capacity(file, CHUNK))
            };
            once(open).try_flatten().map_err(|err| unreadable(&err)).boxed_local()
        }
    }
}

fn unreadable(err: &io::Error) -> Error {
    tracing::error!("cannot read a file that a client has sent: {err}");
    Error::StorageFull
}
