//! What a member answers to a call: frames as they come, and the body of the reply.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::{LocalBoxStream, unfold};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use owt_core::{CallGuard, Error, Failure};
use tokio_util::sync::CancellationToken;

use super::calls::Registered;
use super::connections::{Busy, words};
use super::member::Visit;
use super::pool::MembersPool;
use crate::relay::{Frame, Frames};

/// How a member is lost that falls silent.
pub(super) const SILENT: &str = "it does not answer any more";

/// The body of a streamed reply.
pub(crate) type MemberStream = LocalBoxStream<'static, Result<Bytes, Error>>;

/// An answer that is being read. Dropping it tells the member that nobody reads on.
pub(super) struct Answer {
    pub(super) body: Incoming,
    pub(super) frames: Frames,
    /// A frame that has been looked at.
    pub(super) ahead: Option<Frame>,
    pub(super) silence: CancellationToken,
    /// The connection, if it is of HTTP/1.1.
    pub(super) busy: Option<Busy>,
    /// Whether others may use that after this.
    pub(super) is_reusable: bool,
    pub(super) visit: Visit,
}

impl Answer {
    /// The next frame.
    ///
    /// # Errors
    /// How the member was lost.
    pub(super) async fn next(&mut self) -> Result<Frame, Arc<str>> {
        if let Some(frame) = self.ahead.take() {
            return Ok(frame);
        }
        loop {
            match self.frames.next() {
                Ok(Some(frame)) => return Ok(frame),
                Ok(None) => {}
                Err(err) => return Err(err.to_string().into()),
            }
            let chunk = tokio::select! {
                chunk = self.body.frame() => chunk,
                () = self.silence.cancelled() => return Err(SILENT.into()),
            };
            match chunk {
                Some(Ok(frame)) => {
                    frame.into_data().into_iter().for_each(|bytes| self.frames.push(&bytes));
                }
                Some(Err(err)) => return Err(words(&err)),
                None => return Err("it has broken off".into()),
            }
        }
    }

    /// The next part of the body, if it is there already.
    pub(super) fn data(&mut self) -> Option<Bytes> {
        if self.ahead.is_some() {
            return None;
        }
        match self.frames.next() {
            Ok(Some(Frame::Data(bytes))) => Some(bytes),
            Ok(other) => {
                self.ahead = other;
                None
            }
            // Whoever reads on gets it.
            Err(_) => None,
        }
    }

    /// Reads to the end of an answer whose last frame has come, so that its connection can be used again.
    pub(super) fn finish(self) {
        let Self { mut body, busy, is_reusable, .. } = self;
        let Some(busy) = busy.filter(|_| is_reusable) else { return };
        tokio::task::spawn_local(async move {
            if body.frame().await.is_none() {
                busy.release();
            }
        });
    }
}

/// A reply whose body comes.
pub(super) struct Streaming {
    pub(super) answer: Answer,
    pub(super) call: Registered,
    pub(super) pool: Arc<MembersPool>,
    pub(super) guard: CallGuard,
}

/// The chunks of a reply. `first` have come with its head.
pub(super) fn stream(first: Vec<Bytes>, streaming: Streaming) -> MemberStream {
    let first = futures_util::stream::iter(first.into_iter().map(Ok));
    first.chain(unfold(Some(streaming), next)).boxed_local()
}

async fn next(streaming: Option<Streaming>) -> Option<(Result<Bytes, Error>, Option<Streaming>)> {
    let mut this = streaming?;
    loop {
        let frame = tokio::select! {
            frame = this.answer.next() => frame,
            Ok(err) = &mut this.call.cancelled => return Some((Err(err), None)),
        };
        match frame {
            Ok(Frame::Data(bytes)) => {
                this.pool.stats.lock().reply_bytes += bytes.len() as u64;
                return Some((Ok(bytes), Some(this)));
            }
            Ok(Frame::End) => {
                let Streaming { answer, call, guard, .. } = this;
                answer.finish();
                drop((call, guard));
                return None;
            }
            Ok(Frame::Failure(failure)) => return Some((Err(Failure::from(failure).error), None)),
            Ok(Frame::Progress(progress)) => this.call.report(progress),
            Ok(Frame::Taken | Frame::Reply(_)) => {}
            Err(reason) => return Some((Err(lost(&this.answer.visit, &reason)), None)),
        }
    }
}

/// The error of a call whose member was lost.
pub(super) fn lost(Visit(member): &Visit, reason: &str) -> Error {
    member.lost.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    Error::MemberLost { member: (&*member.name).into(), reason: reason.into() }
}
