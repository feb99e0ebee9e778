//! An executor that answers from memory. The code of a call is the name of what it does.

use std::collections::HashMap;
use std::path::Path;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use futures_util::stream::{LocalBoxStream, StreamExt, iter, pending, poll_fn};
use owt_core::stats::{CallStats, Stats, WorkerStats};
use owt_core::{
    BodyStream, Call, CallGuard, CallInfo, CallState, Code, Content, Control, Digest, Error,
    Executor, Failure, Health, Progress, ProgressStream, Reply, ReplyBody, ReplyHead, Timing,
};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::time::timeout;

type Chunks = LocalBoxStream<'static, Result<Bytes, Error>>;

/// What a test and the executors of its server share.
#[derive(Default)]
pub(super) struct Recorded {
    sources: Mutex<HashMap<Digest, String>>,
    /// How many calls were run.
    runs: Mutex<u64>,
    open: Mutex<HashMap<String, Open>>,
    /// A call has begun or ended.
    pub(super) has_changed: Notify,
    pub(super) health: Mutex<Health>,
    /// What calls that fail fail with.
    pub(super) error: Mutex<Option<Error>>,
}

struct Open {
    info: CallInfo,
    cancelled: Arc<Notify>,
    /// Whoever follows the call.
    followers: Vec<UnboundedSender<Progress>>,
}

impl Recorded {
    pub(super) fn runs(&self) -> u64 {
        *self.runs.lock()
    }

    /// Waits until so many calls are open.
    pub(super) async fn until_open(&self, calls: usize) {
        let waiting = async {
            while self.open.lock().len() != calls {
                self.has_changed.notified().await;
            }
        };
        timeout(Duration::from_secs(10), waiting).await.expect("calls begin and end");
    }

    /// Waits until somebody follows a call.
    pub(super) async fn until_followed(&self, id: &str) {
        let waiting = async {
            while self.open.lock().get(id).is_none_or(|call| call.followers.is_empty()) {
                self.has_changed.notified().await;
            }
        };
        timeout(Duration::from_secs(10), waiting).await.expect("somebody follows it");
    }

    /// Has a call report its progress.
    pub(super) fn report(&self, id: &str, progress: &Progress) {
        let open = &mut *self.open.lock();
        let call = open.get_mut(id).expect("the call runs");
        call.info.progress = Some(progress.clone());
        call.followers.iter().for_each(|follower| drop(follower.send(progress.clone())));
    }

    pub(super) fn cancel_all(&self) -> usize {
        let open = self.open.lock();
        open.values().for_each(|call| call.cancelled.notify_one());
        open.len()
    }
}

pub(super) struct MemoryExecutor(Arc<Recorded>);

/// Keeps a call open in what is recorded, until its guard and all else of it is dropped.
struct Running {
    id: String,
    recorded: Arc<Recorded>,
    _guard: CallGuard,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.recorded.open.lock().remove(&self.id);
        self.recorded.has_changed.notify_one();
    }
}

impl MemoryExecutor {
    pub(super) fn new(recorded: Arc<Recorded>) -> Rc<Self> {
        Rc::new(Self(recorded))
    }

    fn begin(&self, call: &Call, guard: CallGuard) -> (Running, Arc<Notify>) {
        let cancelled = Arc::<Notify>::default();
        let request = &call.request;
        let info =
            CallInfo { age: 0.5, ..CallInfo::new(call, "default".into(), CallState::Running) };
        let open = Open { info, cancelled: cancelled.clone(), followers: Vec::new() };
        *self.0.runs.lock() += 1;
        self.0.open.lock().insert(request.id.clone(), open);
        self.0.has_changed.notify_one();
        let (id, recorded) = (request.id.clone(), self.0.clone());
        (Running { id, recorded, _guard: guard }, cancelled)
    }

    fn source(&self, code: &Code) -> Result<String, Error> {
        self.remember(code);
        let digest = code.digest();
        self.0.sources.lock().get(&digest).cloned().ok_or(Error::CodeUnknown(digest))
    }
}

impl Executor for MemoryExecutor {
    type Stream = Chunks;

    async fn execute(
        &self,
        call: Box<Call>,
        rest: Option<BodyStream>,
        guard: CallGuard,
    ) -> Result<Reply<Chunks>, Failure> {
        let source = self.source(&call.code)?;
        let (running, cancelled) = self.begin(&call, guard);
        let digest = call.code.digest();
        let whole = |bytes: Vec<u8>| reply(digest, 200, ReplyBody::Whole(bytes.into()));
        match source.as_str() {
            "hello" => Ok(whole(b"hello".to_vec())),
            "count" => Ok(whole(self.0.runs().to_string().into_bytes())),
            "seen" => Ok(whole(seen(&call).to_string().into_bytes())),
            "echo" => Ok(whole(read(&call, rest).await?)),
            "missing" => Ok(reply(digest, 404, ReplyBody::Whole("nothing".into()))),
            "no status" => Ok(reply(digest, 1000, ReplyBody::Whole(Bytes::new()))),
            "cookie" => {
                let mut reply = whole(b"yours".to_vec());
                reply.head.headers.push(("set-cookie".to_owned(), "a=b".to_owned()));
                Ok(reply)
            }
            "stream" => Ok(reply(digest, 200, streamed(iter(["a", "b", "c"].map(chunk)), running))),
            "break" => {
                let error = Err(Error::AdaptorRaised("ValueError: x".to_owned()));
                Ok(reply(digest, 200, streamed(iter([chunk("a"), error]), running)))
            }
            "endless" => {
                Ok(reply(digest, 200, streamed(iter([chunk("a")]).chain(pending()), running)))
            }
            "hang" => {
                cancelled.notified().await;
                Err(Error::Cancelled.into())
            }
            _ => {
                let error = self.0.error.lock().clone();
                Err(error.unwrap_or(Error::AdaptorRaised("no such test".to_owned())).into())
            }
        }
    }
}

impl Control for MemoryExecutor {
    async fn calls(&self) -> Vec<CallInfo> {
        self.0.open.lock().values().map(|call| call.info.clone()).collect()
    }

    async fn cancel(&self, id: &str) -> bool {
        self.0.open.lock().get(id).inspect(|call| call.cancelled.notify_one()).is_some()
    }

    async fn progress(&self, id: &str) -> Option<ProgressStream> {
        let open = &mut *self.0.open.lock();
        let call = open.get_mut(id)?;
        let (follower, mut reports) = unbounded_channel();
        call.followers.push(follower);
        self.0.has_changed.notify_one();
        Some(poll_fn(move |cx| reports.poll_recv(cx)).boxed_local())
    }

    async fn adaptors(&self) -> Vec<Value> {
        let sources = self.0.sources.lock();
        sources.keys().map(|digest| json!({ "digest": digest.to_string() })).collect()
    }

    fn remember(&self, code: &Code) {
        if let Code::Source(source) = code {
            self.0.sources.lock().insert(source.digest(), source.text().to_string());
        }
    }

    fn source(&self, digest: Digest) -> Option<Arc<str>> {
        self.0.sources.lock().get(&digest).map(|source| source.as_str().into())
    }

    fn forget(&self, digest: Digest) -> bool {
        self.0.sources.lock().remove(&digest).is_some()
    }

    fn health(&self) -> Health {
        self.0.health.lock().clone()
    }

    async fn stats(&self) -> Stats {
        let calls = CallStats { started: self.0.runs(), ..CallStats::default() };
        Stats { calls, workers: vec![worker()], ..Stats::default() }
    }
}

fn reply(digest: Digest, status: u16, body: ReplyBody<Chunks>) -> Reply<Chunks> {
    let [queue, load, run] = [1, 2, 3].map(Duration::from_millis);
    let head = ReplyHead {
        member: None,
        status,
        headers: vec![("content-type".to_owned(), "text/plain".to_owned())],
        length: None,
        digest,
        timing: Timing { queue, load, run },
    };
    Reply { head, body }
}

fn chunk(text: &'static str) -> Result<Bytes, Error> {
    Ok(Bytes::from_static(text.as_bytes()))
}

/// A body in chunks, whose call is open until it is dropped.
fn streamed(
    chunks: impl Stream<Item = Result<Bytes, Error>> + 'static,
    running: Running,
) -> ReplyBody<Chunks> {
    let chunks = chunks.map(move |chunk| {
        let _running = &running;
        chunk
    });
    ReplyBody::Stream(chunks.boxed_local())
}

fn worker() -> WorkerStats {
    WorkerStats {
        pool: "default".into(),
        name: "0".to_owned(),
        is_up: false,
        pid: None,
        calls: 0,
        resident: None,
        age: None,
    }
}

async fn read(call: &Call, rest: Option<BodyStream>) -> Result<Vec<u8>, Error> {
    let mut body = call.request.body.to_vec();
    let mut rest = pin!(rest.unwrap_or_else(|| futures_util::stream::empty().boxed_local()));
    while let Some(chunk) = rest.next().await {
        body.extend_from_slice(&chunk?);
    }
    Ok(body)
}

/// All that a handler could see of its call.
fn seen(call: &Call) -> Value {
    let parts = call.request.parts.iter().flatten();
    json!({
        "kwargs": call.kwargs,
        "fn_name": call.fn_name,
        "name": call.file_name.as_ref().map(ToString::to_string),
        "reload": call.reload,
        "retry": call.retry,
        "pool": call.pool,
        "keep_alive": call.keep_alive.map(|time| time.to_string()),
        "timeout": call.timeout.map(|limit| limit.as_secs_f64()),
        "id": call.request.id,
        "method": call.request.method,
        "scheme": call.request.scheme,
        "path": call.request.path,
        "query": call.request.query,
        "body": String::from_utf8_lossy(&call.request.body),
        "parts": parts.map(|part| (&part.name, content(&part.content))).collect::<HashMap<_, _>>(),
    })
}

fn content(content: &Content) -> String {
    match content {
        Content::InMemory(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Content::File(path) => read_file(path),
    }
}

fn read_file(path: &Path) -> String {
    let text = std::fs::read_to_string(path).expect("the file is there while its call runs");
    format!("a file of {} bytes", text.len())
}
