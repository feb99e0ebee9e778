//! The [`Executor`] of one thread of the front for a pool of members.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::HeaderMap;
use owt_common::wire::MAX_TEXT;
use owt_core::{
    BodyStream, Call, CallGuard, Error, ErrorKind, Executor, Failure, Reply, ReplyBody, ReplyHead,
    Timing,
};

use tokio::sync::oneshot;

use super::calls::Registered;
use super::connections::{Connections, SendError};
use super::member::{Condition, Member, Visit};
use super::outgoing::{Unsent, request};
use super::pool::MembersPool;
use super::reply::{Answer, MemberStream, SILENT, Streaming, lost, stream};
use crate::relay::{Frame, Frames};

/// The header by which a client says that a call may be made again (draft-ietf-httpapi-idempotency-key-header).
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// Hands the calls of one thread on to members.
pub(crate) struct MembersExecutor {
    pub(super) pool: Arc<MembersPool>,
    pub(super) connections: Rc<Connections>,
}

/// What came of a try at one member.
enum Tried {
    /// The call is over, or its reply has begun.
    Done(Result<Reply<MemberStream>, Failure>),
    /// Nothing of it has run.
    NotTaken(Error),
    /// It may have run.
    Lost(Error),
}

/// What there is of a call, however often it is tried.
struct Trying<'a> {
    call: &'a Call,
    source: &'a str,
    is_streamed: bool,
    /// The rest of its body, while no member has begun to read it.
    unsent: Rc<Unsent>,
    guard: CallGuard,
    began: Instant,
}

impl MembersExecutor {
    /// On this thread's own loop.
    pub(crate) fn start(pool: Arc<MembersPool>) -> Rc<Self> {
        let connections = Connections::new(pool.access.tls.clone());
        Rc::new(Self { pool, connections })
    }
}

impl Executor for MembersExecutor {
    type Stream = MemberStream;

    async fn execute(
        &self,
        mut call: Box<Call>,
        rest: Option<BodyStream>,
        guard: CallGuard,
    ) -> Result<Reply<MemberStream>, Failure> {
        let pool = &self.pool;
        let source = pool.sources.of(&call.code)?;
        if source.len() + call.kwargs.as_ref().map_or(0, String::len) > MAX_TEXT {
            return Err(Error::TextTooLarge { limit: MAX_TEXT as u64 }.into());
        }
        call.timeout = call.timeout.into_iter().chain(pool.limits.timeout).min();
        let home = call.home.unwrap_or(call.code.digest());
        let route = pool.route(home).map_err(Error::NoMember)?;
        let mut registered = Some(pool.calls.register(&call, &pool.name));
        pool.stats.lock().started += 1;
        let may_repeat = may_repeat(&call);
        let trying = Trying {
            call: &call,
            source: &source,
            is_streamed: rest.is_some(),
            unsent: Unsent::new(rest),
            guard,
            began: Instant::now(),
        };
        let mut refused = Vec::new();
        let mut last = None;
        for member in route {
            match self.attempt(&trying, &member, &mut registered).await {
                Tried::Done(outcome) => return outcome,
                Tried::NotTaken(err) => {
                    member.passed_on.fetch_add(1, Ordering::Relaxed);
                    if let Error::NoMember(reason) = &err {
                        refused.push(format!("{}: {reason}", member.name));
                    } else {
                        last = Some(err);
                    }
                }
                // Its own body broke off, and so the request did.
                Tried::Lost(err) if trying.unsent.error.borrow().is_some() => {
                    let own = trying.unsent.error.take();
                    return Err(trying.failure(own.unwrap_or(err)));
                }
                // What has been sent of a streamed body cannot be sent again.
                Tried::Lost(err) if may_repeat && trying.is_whole() => last = Some(err),
                Tried::Lost(err) => return Err(trying.failure(err)),
            }
        }
        Err(trying.failure(last.unwrap_or_else(|| Error::NoMember(refused.join("; ")))))
    }
}

/// Whether the client has said that the call may be made again.
fn may_repeat(call: &Call) -> bool {
    call.retry
        || call.request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(IDEMPOTENCY_KEY))
}

impl Trying<'_> {
    /// Whether all of the body is still here.
    fn is_whole(&self) -> bool {
        !self.is_streamed || self.unsent.is_there()
    }

    fn failure(&self, error: Error) -> Failure {
        let timing = Timing { queue: self.began.elapsed(), ..Timing::default() };
        Failure { error, timing, place: None }
    }

    /// What was neither loading nor running was waiting, or on its way.
    fn timing(&self, Timing { load, run, .. }: Timing) -> Timing {
        Timing { queue: self.began.elapsed().saturating_sub(load + run), load, run }
    }
}

impl MembersExecutor {
    /// Sends a call to one member: its digest first, and its source if the member asks for it.
    async fn attempt(
        &self,
        trying: &Trying<'_>,
        member: &Arc<Member>,
        registered: &mut Option<Registered>,
    ) -> Tried {
        match self.send(trying, member, None, registered).await {
            Tried::NotTaken(Error::CodeUnknown(_)) => {
                self.send(trying, member, Some(trying.source), registered).await
            }
            tried => tried,
        }
    }

    async fn send(
        &self,
        trying: &Trying<'_>,
        member: &Arc<Member>,
        source: Option<&str>,
        registered: &mut Option<Registered>,
    ) -> Tried {
        let pool = &*self.pool;
        let made = request(trying.call, pool, source, member, &trying.unsent).await;
        let (request, take) = match made {
            Ok(made) => made,
            Err(err) => return Tried::Done(Err(trying.failure(err))),
        };
        let (visit, silence) = (Visit::begin(member), member.silence());
        let cancelled = &mut registered.as_mut().expect("it is there until it streams").cancelled;
        let sent = tokio::select! {
            sent = self.connections.send(member, request) => sent,
            () = silence.cancelled() => Err(SendError::Lost(SILENT.into())),
            Ok(err) = cancelled => return Tried::Done(Err(trying.failure(err))),
        };
        let (response, busy) = match sent {
            Ok(sent) => sent,
            Err(SendError::Unreached(reason)) => {
                member.set(&pool.name, Condition::Closed(reason.clone()), None);
                return Tried::NotTaken(Error::NoMember(reason.to_string()));
            }
            Err(SendError::Lost(reason)) => return Tried::Lost(lost(&visit, &reason)),
        };
        if response.status() != StatusCode::OK {
            return match refusal(response.status(), response.headers()) {
                Some(reason) => Tried::NotTaken(Error::NoMember(reason)),
                // A proxy says so, of a call that may be running behind it.
                None => Tried::Lost(lost(&visit, "what is in between has given it up")),
            };
        }
        let answer = Answer {
            body: response.into_body(),
            frames: Frames::default(),
            ahead: None,
            silence,
            busy,
            is_reusable: !trying.is_streamed,
            visit,
        };
        self.follow(trying, answer, take, registered).await
    }

    /// Follows a call until its reply begins, or it has failed.
    async fn follow(
        &self,
        trying: &Trying<'_>,
        mut answer: Answer,
        take: oneshot::Sender<()>,
        registered: &mut Option<Registered>,
    ) -> Tried {
        let mut take = Some(take);
        let mut call = registered.take().expect("it is there until it streams");
        loop {
            let frame = tokio::select! {
                frame = answer.next() => frame,
                Ok(err) = &mut call.cancelled => return Tried::Done(Err(trying.failure(err))),
            };
            match frame {
                Ok(Frame::Taken) => {
                    // It fails if the body is not read to its end.
                    let _ = take.take().map(|take| take.send(()));
                }
                Ok(Frame::Progress(progress)) => call.report(progress),
                Ok(Frame::Failure(head)) => {
                    let may_have_run = head.may_have_run;
                    let failure = Failure::from(head);
                    answer.finish();
                    if !may_have_run && is_for_another(&failure.error) {
                        *registered = Some(call);
                        return Tried::NotTaken(failure.error);
                    }
                    let timing = trying.timing(failure.timing);
                    self.pool.stats.lock().observe(&timing);
                    return Tried::Done(Err(Failure { timing, ..failure }));
                }
                Ok(Frame::Reply(head)) => {
                    let head = ReplyHead::from(head);
                    return Tried::Done(Ok(self.reply(trying, head, answer, call)));
                }
                Ok(Frame::Data(_) | Frame::End) => {
                    *registered = Some(call);
                    return Tried::Lost(lost(&answer.visit, "it answers out of order"));
                }
                Err(reason) => {
                    *registered = Some(call);
                    return Tried::Lost(lost(&answer.visit, &reason));
                }
            }
        }
    }

    /// A reply that begins; whole if all of it has come.
    fn reply(
        &self,
        trying: &Trying<'_>,
        head: ReplyHead,
        mut answer: Answer,
        call: Registered,
    ) -> Reply<MemberStream> {
        let timing = trying.timing(head.timing);
        let head = ReplyHead { timing, member: Some(answer.visit.0.name.clone()), ..head };
        let mut first = Vec::new();
        while let Some(bytes) = answer.data() {
            first.push(bytes);
        }
        let len = first.iter().map(Bytes::len).sum::<usize>();
        let stats = &mut *self.pool.stats.lock();
        stats.observe(&timing);
        stats.reply_bytes += len as u64;
        if head.length == Some(len as u64) && answer.ahead == Some(Frame::End) {
            answer.finish();
            return Reply { head, body: ReplyBody::Whole(first.concat().into()) };
        }
        call.streams();
        let (pool, guard) = (self.pool.clone(), trying.guard.clone());
        let streaming = Streaming { answer, call, pool, guard };
        Reply { head, body: ReplyBody::Stream(stream(first, streaming)) }
    }
}

/// Whether another member may take a call that was refused so, of which nothing has run.
fn is_for_another(err: &Error) -> bool {
    let kind = ErrorKind::from(err);
    kind.is_safe_to_retry() || kind == ErrorKind::CodeUnknown
}

/// Why a member has refused a call, as the end of a sentence; `None` if no owt says so.
fn refusal(status: StatusCode, headers: &HeaderMap) -> Option<String> {
    let code = headers.get("owt-error").and_then(|code| code.to_str().ok());
    match (code.and_then(ErrorKind::from_code), code) {
        (Some(ErrorKind::Draining), _) => Some("it is stopping".to_owned()),
        (Some(ErrorKind::AuthRequired), _) => {
            Some("it wants other credentials than those of auth".to_owned())
        }
        (Some(ErrorKind::CrossSite | ErrorKind::HostNotAllowed), Some(code)) => {
            Some(format!("it does not answer to this name ({code}): see its --allow-host"))
        }
        (Some(ErrorKind::PathUnknown | ErrorKind::CodeMissing), _) => {
            Some("it is too old to be a member".to_owned())
        }
        (_, Some(code)) => Some(format!("it refuses calls with {code}")),
        (_, None) if status.is_server_error() => None,
        (_, None) => Some(format!("it is no owt: it answers with {}", status.as_u16())),
    }
}
