//! The seam between the HTTP front and whatever runs calls: a pool of worker processes, other
//! machines, or a test. The front knows nothing of an executor but these two traits.

use std::any::Any;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use futures_core::stream::LocalBoxStream;
use serde::{Deserialize, Serialize, Serializer};

use crate::stats::Stats;
use crate::{Call, Code, Digest, Error, Progress};

/// Runs calls.
///
/// Each thread of the front has an executor of its own, so none of this has to be [`Send`].
pub trait Executor {
    /// The chunks of a streamed reply. Dropping it tells the executor that nobody reads on.
    type Stream: Stream<Item = Result<Bytes, Error>> + 'static;

    /// Runs one call: gives the reply's head, and a body that may still be on its way. Dropping the
    /// future cancels the call.
    ///
    /// `rest` is what follows `call.request.body`, where that is only the beginning. It is read no
    /// faster than the handler reads it. `guard` is dropped as soon as nothing of the call runs any
    /// more, which may be later than its reply, or than the end of a client that did not wait for it.
    /// The call is boxed, because it is handed on several times, and each time would copy all of it.
    ///
    /// # Errors
    /// What the call came to instead of a reply.
    fn execute(
        &self,
        call: Box<Call>,
        rest: Option<BodyStream>,
        guard: CallGuard,
    ) -> impl Future<Output = Result<Reply<Self::Stream>, Failure>>;
}

/// What operators see of an executor, and can do to it. It tells of all calls, whichever thread of the
/// front they came through.
pub trait Control {
    /// The calls that are in flight, the oldest first.
    fn calls(&self) -> impl Future<Output = Vec<CallInfo>>;

    /// Cancels the call with this id: its client gets [`Error::Cancelled`], and its code is
    /// interrupted. Whether there was one.
    fn cancel(&self, id: &str) -> impl Future<Output = bool>;

    /// What the call with this id reports of its progress, if there is such a call.
    fn progress(&self, id: &str) -> impl Future<Output = Option<ProgressStream>>;

    /// The adaptors that are loaded, each as a JSON object.
    fn adaptors(&self) -> impl Future<Output = Vec<serde_json::Value>>;

    /// Keeps source, so that later calls may name it by its digest. [`Executor::execute`] does so
    /// itself; this is for calls that it is not asked to run, because their result is cached.
    fn remember(&self, code: &Code);

    /// The source with this digest, if it was sent and is still kept.
    fn source(&self, digest: Digest) -> Option<Arc<str>>;

    /// Drops an adaptor wherever it is loaded, and its source. Whether the source was known.
    fn forget(&self, digest: Digest) -> bool;

    /// The environments that were made for adaptors since the start, each as a JSON object.
    fn environments(&self) -> impl Future<Output = Vec<serde_json::Value>> {
        async { Vec::new() }
    }

    /// The pools, with their workers and what these have loaded, each as a JSON object.
    fn pools(&self) -> impl Future<Output = Vec<serde_json::Value>> {
        async { Vec::new() }
    }

    /// Whether there is a pool of this name.
    fn has_pool(&self, name: &str) -> bool {
        name == DEFAULT_POOL
    }

    /// How many workers there are, and how many should be.
    fn health(&self) -> Health;

    /// All counters and gauges.
    fn stats(&self) -> impl Future<Output = Stats>;
}

/// The rest of a request's body, as it arrives. After an error comes nothing.
pub type BodyStream = LocalBoxStream<'static, Result<Bytes, Error>>;

/// What a call has reported last, and then what it reports, until it is over. Whoever reads slowly misses
/// all but the newest.
pub type ProgressStream = LocalBoxStream<'static, Progress>;

/// Something that lives as long as a call does: files of its body, a count of calls in flight.
/// Executors keep it, and do not look into it.
#[derive(Clone, Default)]
pub struct CallGuard {
    _value: Option<Rc<dyn Any>>,
}

impl CallGuard {
    /// Keeps a value until the last clone of this guard is dropped.
    pub fn new(value: impl Any) -> CallGuard {
        CallGuard { _value: Some(Rc::new(value)) }
    }
}

impl fmt::Debug for CallGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallGuard")
    }
}

/// One call in flight, without anything that only its sender may know: source, arguments, query.
#[derive(Debug, Clone, Serialize)]
pub struct CallInfo {
    /// The request's id.
    pub id: String,
    /// The digest of its code.
    #[serde(serialize_with = "as_text")]
    pub digest: Digest,
    /// The request's method.
    pub method: String,
    /// The request's path, percent-encoded.
    pub path: String,
    /// The client's address.
    pub remote_addr: String,
    /// The pool that it is for.
    #[serde(serialize_with = "as_text")]
    pub pool: Arc<str>,
    /// How far it has come.
    pub state: CallState,
    /// Seconds since the executor was given it.
    pub age: f64,
    /// What its code has reported last, if it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress: Option<Progress>,
}

impl CallInfo {
    /// That of a call which the executor has been given just now.
    #[must_use]
    pub fn new(call: &Call, pool: Arc<str>, state: CallState) -> CallInfo {
        let request = &call.request;
        CallInfo {
            id: request.id.clone(),
            digest: call.code.digest(),
            method: request.method.clone(),
            path: request.path.clone(),
            remote_addr: request.remote_addr.clone(),
            pool,
            state,
            age: 0.0,
            progress: None,
        }
    }
}

/// How far a call has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CallState {
    /// It waits until the packages that its code names are installed, and a worker with them is ready.
    Installing,
    /// It waits until its worker has a thread for it, or for the result that another call computes.
    Queued,
    /// Its Python runs.
    Running,
    /// A part of its reply has been sent.
    Streaming,
    /// It was cancelled, but waits for something that cannot be interrupted. Nobody waits for it.
    Abandoned,
    /// Its worker is too busy to say: a call in it does not release the interpreter's lock.
    Unknown,
}

/// The pool of calls that name none.
pub const DEFAULT_POOL: &str = "default";

/// Whether calls can be run now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Health {
    /// How many workers take calls.
    pub alive: usize,
    /// How many there should be.
    pub total: usize,
    /// Why workers cannot be started, if that is so.
    pub reason: Option<Arc<str>>,
    /// The same of each pool by itself, the default one first.
    pub pools: Vec<PoolHealth>,
}

/// Whether calls of one pool can be run now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolHealth {
    /// The pool's name.
    pub name: Arc<str>,
    /// How many of its workers take calls.
    pub alive: usize,
    /// How many there should be.
    pub total: usize,
}

/// The start of a reply: all of it but the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplyHead {
    /// The HTTP status.
    pub status: u16,
    /// The headers, in order.
    pub headers: Vec<(String, String)>,
    /// The body's length in bytes, where it is known before its end.
    pub length: Option<u64>,
    /// The digest of the code that ran.
    pub digest: Digest,
    /// Where the time went.
    pub timing: Timing,
    /// The owt that ran the call, if it is another one.
    pub member: Option<Arc<str>>,
}

/// Where the time of a call went: the numbers of `Server-Timing`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Timing {
    /// Waiting for a worker.
    pub queue: Duration,
    /// Loading the adaptor.
    pub load: Duration,
    /// Running the handler.
    pub run: Duration,
}

/// The body of a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReplyBody<S> {
    /// All of it.
    Whole(Bytes),
    /// Its chunks, as the adaptor yields them.
    Stream(S),
}

/// A reply to a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply<S> {
    /// Status, headers and times.
    pub head: ReplyHead,
    /// The body.
    pub body: ReplyBody<S>,
}

/// A call that came to nothing, and where its time went.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the call failed")]
pub struct Failure {
    /// Why.
    #[source]
    pub error: Error,
    /// As far as it is known.
    pub timing: Timing,
    /// What a log may hold of an exception: its type, and the adaptor's line that it came from.
    pub place: Option<String>,
}

impl From<Error> for Failure {
    /// An error of which no times are known.
    fn from(error: Error) -> Failure {
        Failure { error, timing: Timing::default(), place: None }
    }
}

fn as_text<S: Serializer>(value: &impl fmt::Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}
