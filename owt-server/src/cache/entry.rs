//! One result: computed once, read by all who ask for it, while it comes and after.

use std::collections::{HashMap, VecDeque};
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use owt_core::{Error, Failure, ReplyHead};
use parking_lot::{Mutex, MutexGuard};
use sha2::{Digest as _, Sha256};
use tokio::time::{Sleep, sleep};

/// How far a body that is too large to keep may be ahead of its slowest reader, in bytes.
const WINDOW: usize = 256 * 1024;

#[derive(Debug)]
pub(super) struct Entry {
    state: Mutex<State>,
    /// How many bytes a body may have and still be kept.
    pub(super) limit: usize,
    /// How long the call that fills it may run, if its sender set a limit.
    timeout: Option<Duration>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) head: Option<Result<ReplyHead, Failure>>,
    chunks: VecDeque<Bytes>,
    /// Chunks that every reader has had, and that are gone: only of a body that is too large.
    dropped: usize,
    /// Bytes of `chunks`.
    pub(super) bytes: usize,
    pub(super) is_too_large: bool,
    pub(super) end: Option<Result<(), Error>>,
    /// The entity tag of a body that is whole (RFC 9110).
    etag: Option<String>,
    /// The number of the chunk that comes next for each reader.
    readers: HashMap<u64, usize>,
    last_reader: u64,
    wakers: Vec<Waker>,
}

/// What a reader finds first.
pub(crate) struct Start {
    pub(crate) head: ReplyHead,
    /// Of a body that is whole.
    pub(crate) etag: Option<String>,
}

impl Entry {
    pub(super) fn new(limit: usize, timeout: Option<Duration>) -> Self {
        Self { state: Mutex::default(), limit, timeout }
    }

    /// Whether its call may run as long as one with this limit.
    fn outlasts(&self, timeout: Option<Duration>) -> bool {
        match (self.timeout, timeout) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(own), Some(other)) => own >= other,
        }
    }

    /// Whether a call with this limit gets all that it could compute by itself.
    pub(super) fn suits(&self, timeout: Option<Duration>) -> bool {
        self.outlasts(timeout) || self.state().end.is_some()
    }

    /// Whether an error is for the caller alone whose call it has ended, and not for one with this limit.
    fn is_of_its_caller(&self, err: &Error, timeout: Option<Duration>) -> bool {
        match err {
            Error::Cancelled => true,
            // That of the server ends the call of anybody.
            Error::Deadline { limit } => self.timeout == Some(*limit) && !self.outlasts(timeout),
            _ => false,
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    pub(super) fn update<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state();
        let result = change(&mut state);
        state.wakers.drain(..).for_each(Waker::wake);
        result
    }

    /// Begins to read from the first byte. The result is computed as long as somebody reads.
    pub(super) fn reader(self: &Arc<Self>) -> Reader {
        let mut state = self.state();
        state.last_reader += 1;
        let id = state.last_reader;
        state.readers.insert(id, 0);
        Reader { entry: self.clone(), id, error_given: false, deadline: None }
    }

    pub(super) fn is_read(&self) -> bool {
        !self.state().readers.is_empty()
    }

    /// Ready once nobody reads any more.
    pub(super) fn poll_abandoned(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.state();
        match state.readers.is_empty() {
            true => Poll::Ready(()),
            false => state.wait(cx),
        }
    }

    /// Ready once there is room for more of a body that is too large to keep.
    pub(super) fn poll_room(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.state();
        match state.is_too_large && state.bytes > WINDOW {
            true => state.wait(cx),
            false => Poll::Ready(()),
        }
    }
}

impl State {
    fn wait<T>(&mut self, cx: &Context<'_>) -> Poll<T> {
        if !self.wakers.iter().any(|waker| waker.will_wake(cx.waker())) {
            self.wakers.push(cx.waker().clone());
        }
        Poll::Pending
    }

    /// Adds a copy: the original may be a small piece of a large buffer.
    pub(super) fn push(&mut self, chunk: &[u8]) {
        self.bytes += chunk.len();
        self.chunks.push_back(Bytes::copy_from_slice(chunk));
    }

    /// Gives a reader its next chunk.
    fn next_chunk(&mut self, reader: u64) -> Option<Bytes> {
        let next = self.readers.get_mut(&reader)?;
        let chunk = self.chunks.get(*next - self.dropped)?.clone();
        *next += 1;
        if self.is_too_large {
            self.drop_what_all_have_had();
        }
        Some(chunk)
    }

    fn drop_what_all_have_had(&mut self) {
        let slowest = self.readers.values().copied().min().unwrap_or(usize::MAX);
        while self.dropped < slowest {
            let Some(chunk) = self.chunks.pop_front() else { break };
            self.bytes -= chunk.len();
            self.dropped += 1;
        }
        self.wakers.drain(..).for_each(Waker::wake);
    }

    pub(super) fn finish(&mut self) {
        let mut hash = Sha256::new();
        self.chunks.iter().for_each(|chunk| hash.update(chunk));
        let digest = owt_core::Digest(hash.finalize().into()).to_string();
        self.etag = Some(format!("\"{}\"", &digest[..32]));
        self.end = Some(Ok(()));
    }
}

/// Reads an entry from its first byte, as fast as it comes.
pub(crate) struct Reader {
    entry: Arc<Entry>,
    id: u64,
    /// Whether the error at the end has been given.
    error_given: bool,
    /// Of one that reads what another call computes. Its own call ends by itself.
    deadline: Option<Deadline>,
}

/// When a reader waits no longer.
struct Deadline {
    limit: Duration,
    sleep: Pin<Box<Sleep>>,
}

impl Deadline {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Error> {
        self.sleep.as_mut().poll(cx).map(|()| Error::Deadline { limit: self.limit })
    }
}

impl Reader {
    /// Waits for the head of what another call computes, no longer than this limit; `None` if that call
    /// was ended for its caller alone. The limit of the server ends that call, which began no later.
    pub(crate) async fn join(
        &mut self,
        timeout: Option<Duration>,
    ) -> Result<Option<Start>, Failure> {
        self.deadline = timeout.map(|limit| Deadline { limit, sleep: Box::pin(sleep(limit)) });
        match self.start().await {
            Ok(start) => Ok(Some(start)),
            Err(failure) if self.entry.is_of_its_caller(&failure.error, timeout) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Waits for the head.
    pub(crate) async fn start(&mut self) -> Result<Start, Failure> {
        poll_fn(|cx| {
            let state = self.entry.state();
            let Some(head) = state.head.clone() else {
                return wait(state, self.deadline.as_mut(), cx).map(|err| Err(err.into()));
            };
            let (etag, is_whole) = (state.etag.clone(), state.etag.is_some());
            let length = is_whole.then_some(state.bytes as u64);
            let with_length =
                |head: ReplyHead| ReplyHead { length: length.or(head.length), ..head };
            Poll::Ready(head.map(|head| Start { head: with_length(head), etag }))
        })
        .await
    }

    /// The whole body, if it is there and in one piece.
    pub(crate) fn whole(&self) -> Option<Bytes> {
        let state = self.entry.state();
        match (&state.etag, state.chunks.len()) {
            (Some(_), 0) => Some(Bytes::new()),
            (Some(_), 1) => state.chunks.front().cloned(),
            _ => None,
        }
    }
}

#[cfg(test)]
impl Reader {
    /// Bytes of the body that are in memory.
    pub(super) fn held(&self) -> usize {
        self.entry.state().bytes
    }
}

impl Stream for Reader {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let mut state = this.entry.state();
        if let Some(chunk) = state.next_chunk(this.id) {
            return Poll::Ready(Some(Ok(chunk)));
        }
        let end = match state.end.clone() {
            // An error is given once, and is the end.
            _ if this.error_given => Ok(()),
            Some(end) => end,
            None => Err(ready!(wait(state, this.deadline.as_mut(), cx))),
        };
        this.error_given |= end.is_err();
        Poll::Ready(end.err().map(Err))
    }
}

/// Waits for a change, or for the deadline.
fn wait(
    mut state: MutexGuard<'_, State>,
    deadline: Option<&mut Deadline>,
    cx: &mut Context<'_>,
) -> Poll<Error> {
    match deadline.map(|deadline| deadline.poll(cx)) {
        Some(Poll::Ready(err)) => Poll::Ready(err),
        Some(Poll::Pending) | None => state.wait(cx),
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.entry.update(|state| {
            state.readers.remove(&self.id);
            if state.is_too_large {
                state.drop_what_all_have_had();
            }
        });
    }
}
