//! A call that one thread of the front has sent to a worker: what has come back of it so far.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use owt_core::{Error, Progress};
use tokio::sync::Notify;

use super::context::CallContext;
use owt_common::wire::{CHUNK, ReplyHead};

/// The first thing that a worker answers.
pub(super) enum Outcome {
    /// A head, and the first bytes of the body.
    Head(Box<ReplyHead<'static>>, Bytes),
    /// The worker wants the call again, with its source.
    NeedSource,
    /// The worker's error, the microseconds spent loading and running, and where it was raised.
    Failed(Error, (u64, u64), Option<String>),
    /// The call came to nothing here at the front, and the worker cannot say how far it had come.
    Lost(Error),
}

pub(super) struct Pending {
    /// `None` of a query about the worker itself.
    pub(super) context: Option<CallContext>,
    state: RefCell<State>,
    /// The worker has begun to run the call.
    pub(super) started: Notify,
    began: Cell<Option<Instant>>,
}

#[derive(Default)]
struct State {
    outcome: Option<Outcome>,
    /// The head of a reply has come.
    has_begun: bool,
    chunks: VecDeque<Bytes>,
    /// How the body ended.
    end: Option<Result<(), Error>>,
    waker: Option<Waker>,
}

impl Pending {
    pub(super) fn new(context: Option<CallContext>) -> Self {
        Self { context, state: RefCell::default(), started: Notify::new(), began: Cell::default() }
    }

    /// Releases the guard: the call has ended or is abandoned.
    pub(super) fn release_guard(&self) {
        self.context.as_ref().inspect(|context| context.release_guard());
    }

    /// Keeps what the call's code says of its progress.
    pub(super) fn report(&self, progress: Progress) {
        self.context.as_ref().inspect(|context| context.reported.report(progress));
    }

    /// The worker says that it has begun to run the call.
    pub(super) fn start(&self) {
        self.began.set(Some(Instant::now()));
        self.started.notify_one();
    }

    /// For how long the call has been running, if the worker was to say when it begins.
    pub(super) fn running(&self) -> Option<Duration> {
        self.began.get().map(|began| began.elapsed())
    }

    /// Whether a part of the reply has come, and more is to come.
    pub(super) fn is_streaming(&self) -> bool {
        self.state.borrow().has_begun
    }

    pub(super) fn outcome(&self, outcome: Outcome) {
        self.update(|state| {
            state.has_begun |= matches!(outcome, Outcome::Head(..));
            state.outcome = Some(outcome);
        });
    }

    pub(super) fn chunk(&self, chunk: Bytes) {
        self.update(|state| state.chunks.push_back(chunk));
    }

    pub(super) fn end(&self, end: Result<(), Error>) {
        self.update(|state| state.end = Some(end));
    }

    /// The worker has died, or cannot be reached: whatever was still to come is this error.
    pub(super) fn fail(&self, err: Error) {
        self.update(|state| {
            if state.outcome.is_none() {
                state.outcome = Some(Outcome::Lost(err.clone()));
            }
            state.end.get_or_insert(Err(err));
        });
    }

    /// Whether the worker has died, and nothing else has ended the call before.
    pub(super) fn has_lost_its_worker(&self) -> bool {
        matches!(self.state.borrow().outcome, Some(Outcome::Lost(Error::WorkerDied { .. })))
    }

    fn update(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state.borrow_mut();
        change(&mut state);
        if let Some(waker) = state.waker.take() {
            waker.wake();
        }
    }

    pub(super) fn poll_outcome(&self, cx: &Context<'_>) -> Poll<Outcome> {
        let mut state = self.state.borrow_mut();
        match state.outcome.take() {
            Some(outcome) => Poll::Ready(outcome),
            None => state.wait(cx),
        }
    }

    /// Whether all chunks are taken, and an error comes next.
    pub(super) fn is_broken(&self) -> bool {
        let state = self.state.borrow();
        state.chunks.is_empty() && matches!(state.end, Some(Err(_)))
    }

    /// The next chunk, or `None` at the end.
    pub(super) fn poll_chunk(&self, cx: &Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        let mut state = self.state.borrow_mut();
        if let Some(chunk) = state.chunks.pop_front() {
            return Poll::Ready(Some(Ok(state.merge(chunk))));
        }
        match state.end.take() {
            Some(end) => {
                // The error is returned once; then the stream has ended.
                state.end = Some(Ok(()));
                Poll::Ready(end.err().map(Err))
            }
            None => state.wait(cx),
        }
    }
}

impl State {
    /// Adds the chunks that wait behind one, as far as they fit: each would cost the client and us
    /// as much as one large one.
    fn merge(&mut self, first: Bytes) -> Bytes {
        let fits =
            |len: usize, next: Option<&Bytes>| next.is_some_and(|next| len + next.len() <= CHUNK);
        if !fits(first.len(), self.chunks.front()) {
            return first;
        }
        let mut merged = BytesMut::from(first);
        while fits(merged.len(), self.chunks.front()) {
            merged.extend(self.chunks.pop_front());
        }
        merged.freeze()
    }

    fn wait<T>(&mut self, cx: &Context<'_>) -> Poll<T> {
        self.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}
