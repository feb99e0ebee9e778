//! What a call comes to, as frames: whole if that is known soon, else as it comes.

use std::convert::Infallible;
use std::pin::Pin;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::future::{Either, LocalBoxFuture, select};
use futures_util::{FutureExt, Stream, StreamExt, stream};
use owt_core::{
    Control, Error, Executor, Failure, Progress, ProgressStream, Reply, ReplyBody, ReplyHead,
};
use tokio::time::timeout;

use crate::front::context::RequestContext;
use crate::front::{Front, access_log};
use crate::relay::{FailureHead, Frame};

/// How long a call may take until the other owt is told that it is taken, and what it reports.
const SOON: Duration = Duration::from_millis(10);

/// A call that runs.
pub(super) type Running<S> = LocalBoxFuture<'static, Result<Reply<S>, Failure>>;

/// Where the outcome of a call is noted.
pub(super) struct Outcome<E> {
    pub(super) front: Front<E>,
    pub(super) context: RequestContext,
}

/// How far a call has come, and what it reports meanwhile.
enum State<S> {
    Running(Running<S>, ProgressStream),
    Streaming(Pin<Box<S>>, ProgressStream),
    Over,
}

/// The frames of a call: all of them, or the rest as a stream.
pub(super) async fn frames<E: Executor + Control + 'static>(
    outcome: Outcome<E>,
    mut running: Running<E::Stream>,
    is_streamed: bool,
) -> (Bytes, Option<impl Stream<Item = Result<Bytes, Infallible>>>) {
    // Nothing of a call has run that is refused at once.
    let at_once = running.as_mut().now_or_never();
    let may_have_run = at_once.is_none();
    let soon = match at_once {
        // The rest of its body comes once it is taken.
        None if !is_streamed => timeout(SOON, running.as_mut()).await.ok(),
        at_once => at_once,
    };
    let mut bytes = BytesMut::new();
    let state = match soon {
        Some(reply) => {
            let progress = match &reply {
                Ok(Reply { body: ReplyBody::Stream(_), .. }) => outcome.progress().await,
                _ => nothing(),
            };
            outcome.begin(&mut bytes, reply, progress, may_have_run)
        }
        None => {
            Frame::Taken.push(&mut bytes);
            State::Running(running, outcome.progress().await)
        }
    };
    if matches!(state, State::Over) {
        return (bytes.freeze(), None);
    }
    let first = stream::once(async { Ok(bytes.freeze()) });
    let rest = stream::unfold((outcome, state), |(outcome, state)| async {
        let (bytes, state) = outcome.next(state).await?;
        Some((Ok(bytes), (outcome, state)))
    });
    (Bytes::new(), Some(first.chain(rest)))
}

impl<E: Executor + Control + 'static> Outcome<E> {
    async fn progress(&self) -> ProgressStream {
        let progress = self.front.executor.progress(&self.context.id).await;
        progress.map_or_else(nothing, |progress| progress.chain(nothing()).boxed_local())
    }

    /// Writes the beginning of what a call came to.
    fn begin(
        &self,
        bytes: &mut BytesMut,
        reply: Result<Reply<E::Stream>, Failure>,
        progress: ProgressStream,
        may_have_run: bool,
    ) -> State<E::Stream> {
        match reply {
            Err(failure) => {
                self.failed(&failure, may_have_run).push(bytes);
                State::Over
            }
            Ok(Reply { head, body: ReplyBody::Whole(whole) }) => {
                let head = ReplyHead { length: Some(whole.len() as u64), ..head };
                Frame::Reply(head.into()).push(bytes);
                if !whole.is_empty() {
                    Frame::Data(whole).push(bytes);
                }
                Frame::End.push(bytes);
                State::Over
            }
            Ok(Reply { head, body: ReplyBody::Stream(stream) }) => {
                Frame::Reply(head.into()).push(bytes);
                State::Streaming(Box::pin(stream), progress)
            }
        }
    }

    async fn next(&self, state: State<E::Stream>) -> Option<(Bytes, State<E::Stream>)> {
        match state {
            State::Over => None,
            State::Running(running, mut progress) => match select(running, progress.next()).await {
                Either::Left((reply, _)) => {
                    let mut bytes = last_of(&mut progress);
                    let state = self.begin(&mut bytes, reply, progress, true);
                    Some((bytes.freeze(), state))
                }
                Either::Right((report, running)) => {
                    Some((frame_of(report), State::Running(running, progress)))
                }
            },
            State::Streaming(mut stream, mut progress) => {
                let chunk = match select(stream.next(), progress.next()).await {
                    Either::Left((chunk, _)) => chunk,
                    Either::Right((report, _)) => {
                        return Some((frame_of(report), State::Streaming(stream, progress)));
                    }
                };
                let mut bytes = last_of(&mut progress);
                let (frame, state) = match chunk {
                    Some(Ok(chunk)) => (Frame::Data(chunk), State::Streaming(stream, progress)),
                    Some(Err(err)) => (self.failed(&err.into(), true), State::Over),
                    None => (Frame::End, State::Over),
                };
                frame.push(&mut bytes);
                Some((bytes.freeze(), state))
            }
        }
    }

    /// Logs and counts a call that came to nothing, as if it were one of this server's own.
    pub(super) fn failed(&self, failure: &Failure, may_have_run: bool) -> Frame {
        let RequestContext { id, digest, .. } = &self.context;
        // The other owt sends the source then, and nothing has failed.
        if !matches!(failure.error, Error::CodeUnknown(_)) {
            access_log::failure(id, failure, *digest);
            self.front.state.counters.count_error(&failure.error);
        }
        Frame::Failure(FailureHead::new(failure, may_have_run))
    }
}

/// The reports of a call that has made none. They do not end: the call does.
fn nothing() -> ProgressStream {
    stream::pending().boxed_local()
}

/// What a call has reported before it came to what is sent next.
fn last_of(progress: &mut ProgressStream) -> BytesMut {
    let mut bytes = BytesMut::new();
    if let Some(Some(report)) = progress.next().now_or_never() {
        Frame::Progress(report).push(&mut bytes);
    }
    bytes
}

fn frame_of(report: Option<Progress>) -> Bytes {
    Frame::Progress(report.expect("they do not end")).encode()
}
