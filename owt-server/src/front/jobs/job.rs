//! One job, from its call to what became of that.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use owt_core::{Call, Digest, Error, Failure, Progress};
use serde::Serialize;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::room::Held;
use super::stored::Stored;

/// How much of a path is told, in bytes.
const MAX_SHOWN: usize = 256;

/// A call that goes on without its client.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) id: String,
    method: String,
    path: String,
    begun: Instant,
    digest: Digest,
    end: OnceLock<End>,
    has_ended: CancellationToken,
    /// Nobody wants it any more: its call is cancelled, or what became of that is dropped.
    unwanted: CancellationToken,
    _held: Held,
}

/// What became of a job, and when.
#[derive(Debug)]
struct End {
    at: Instant,
    /// Of the code that ran, which may be another one than was sent where a result was cached.
    digest: Digest,
    outcome: Result<Stored, Failure>,
    /// What an error takes.
    _held: Option<Held>,
}

/// What is told of a job.
#[derive(Debug, Serialize)]
pub(super) struct JobInfo<'a> {
    pub(super) id: &'a str,
    digest: String,
    method: &'a str,
    path: &'a str,
    pub(super) state: State,
    /// Seconds since it was submitted.
    age: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) progress: Option<Progress>,
    /// Seconds since its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended: Option<f64>,
    /// The HTTP status of its reply, or of the error.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    /// The bytes of its reply.
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, strum::IntoStaticStr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub(super) enum State {
    /// Its call waits or runs.
    Running,
    /// There is a reply, whatever its status.
    Done,
    /// Its call came to nothing.
    Failed,
    /// Somebody has cancelled its call.
    Cancelled,
}

impl Job {
    pub(super) fn new(call: &Call, held: Held) -> Self {
        Self {
            id: call.request.id.clone(),
            method: shortened(&call.request.method),
            path: shortened(&call.request.path),
            begun: Instant::now(),
            digest: call.code.digest(),
            end: OnceLock::new(),
            has_ended: CancellationToken::new(),
            unwanted: CancellationToken::new(),
            _held: held,
        }
    }

    /// The bytes that the job of a call takes by itself, without a reply.
    pub(super) fn size(call: &Call) -> usize {
        let request = &call.request;
        let shown = [&request.method, &request.path].map(|text| text.len().min(MAX_SHOWN));
        size_of::<Self>() + 2 * request.id.len() + shown.iter().sum::<usize>()
    }

    pub(super) fn digest(&self) -> Digest {
        self.end.get().map_or(self.digest, |end| end.digest)
    }

    /// What became of it, if it has ended.
    pub(super) fn outcome(&self) -> Option<&Result<Stored, Failure>> {
        self.end.get().map(|end| &end.outcome)
    }

    /// Waits for its end, but no longer than this. Whether it has ended.
    pub(super) async fn wait(&self, limit: Duration) -> bool {
        // A timer takes a moment, though its time is nothing.
        match limit.is_zero() || self.has_ended.is_cancelled() {
            true => self.has_ended.is_cancelled(),
            false => timeout(limit, self.has_ended.cancelled()).await.is_ok(),
        }
    }

    /// Ends it; `held` is what an error takes.
    pub(super) fn end(
        &self,
        digest: Option<Digest>,
        outcome: Result<Stored, Failure>,
        held: Option<Held>,
    ) {
        let digest = digest.unwrap_or(self.digest);
        let end = End { at: Instant::now(), digest, outcome, _held: held };
        self.end.set(end).expect("a job is ended once, by what carries it out");
        self.has_ended.cancel();
    }

    /// Cancelled once nobody wants it any more.
    pub(super) fn unwanted(&self) -> CancellationToken {
        self.unwanted.clone()
    }

    pub(super) fn discard(&self) {
        self.unwanted.cancel();
    }

    pub(super) fn info(&self) -> JobInfo<'_> {
        let end = self.end.get();
        let stored = end.and_then(|end| end.outcome.as_ref().ok());
        JobInfo {
            id: &self.id,
            digest: self.digest().to_string(),
            method: &self.method,
            path: &self.path,
            state: end.map_or(State::Running, End::state),
            age: self.begun.elapsed().as_secs_f64(),
            progress: None,
            ended: end.map(|end| end.at.elapsed().as_secs_f64()),
            status: end.map(|end| match &end.outcome {
                Ok(stored) => stored.status(),
                Err(failure) => failure.error.status(),
            }),
            bytes: stored.map(Stored::len),
        }
    }
}

/// The beginning of a text of a client's, which may be as long as a head.
fn shortened(text: &str) -> String {
    text[..text.floor_char_boundary(MAX_SHOWN)].to_owned()
}

impl End {
    fn state(&self) -> State {
        match &self.outcome {
            Ok(_) => State::Done,
            Err(Failure { error: Error::Cancelled, .. }) => State::Cancelled,
            Err(_) => State::Failed,
        }
    }
}
