//! The [`Executor`] of one thread of the front.

use std::cell::{OnceCell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use owt_core::stats::CallStats;
use owt_core::{
    BodyStream, Call, CallGuard, Digest, Error, Executor, Failure, Reply, ReplyBody, ReplyHead,
    Timing,
};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinHandle;

use super::broadcast::{Broadcast, Query};
use super::cancellation::CancelPolicy;
use super::connections::Connections;
use super::context::CallContext;
use super::in_flight::InFlight;
use super::out_of_memory;
use super::pending::Outcome;
use super::placement::worker_of;
use super::reply_stream::ReplyStream;
use super::reported::Reported;
use super::shared::Shared;
use crate::pool::WorkerEvent;
use owt_common::wire::{self, MAX_TEXT};

/// Sends the calls of one thread of the front to the workers, and hands their replies on.
pub(crate) struct Dispatcher {
    pub(super) connections: Connections,
    pub(super) shared: Arc<Shared>,
    /// The way to the dispatchers of all threads.
    pub(super) broadcast: Broadcast<Dispatcher>,
    /// This thread's own counters, so that counting needs no synchronization.
    pub(super) stats: Rc<RefCell<CallStats>>,
    /// The task that follows the workers.
    listening: OnceCell<JoinHandle<()>>,
}

/// What one thread of the front listens to.
pub(super) struct Inbox {
    pub(super) events: UnboundedReceiver<WorkerEvent>,
    pub(super) queries: UnboundedReceiver<Query<Dispatcher>>,
}

impl Dispatcher {
    /// Follows the workers as they come and go, on this thread's own loop.
    pub(super) fn start(
        shared: Arc<Shared>,
        broadcast: Broadcast<Dispatcher>,
        inbox: Inbox,
        stats: Rc<RefCell<CallStats>>,
    ) -> Rc<Self> {
        let policy = CancelPolicy {
            grace: shared.limits.grace,
            max_abandoned: shared.pool.profile.recycling.max_abandoned,
        };
        let connections = Connections::new(shared.pool.slots().len(), policy, stats.clone());
        let this =
            Rc::new(Self { connections, shared, broadcast, stats, listening: OnceCell::new() });
        let listening = this.clone();
        let task = tokio::task::spawn_local(async move { listening.listen(inbox).await });
        let _ = this.listening.set(task);
        this
    }

    /// Ends what it does by itself, because its pool has been stopped.
    pub(crate) fn stop(&self) {
        self.listening.get().inspect(|task| task.abort());
        let err = Error::Draining;
        self.connections.all().iter().for_each(|connection| connection.fail(&err));
    }

    async fn listen(self: Rc<Self>, inbox: Inbox) {
        let Inbox { mut events, mut queries } = inbox;
        loop {
            tokio::select! {
                Some(event) = events.recv() => self.connections.handle(event),
                Some(query) = queries.recv() => query(&self),
                else => return,
            }
        }
    }

    fn count(&self, add: impl FnOnce(&mut CallStats)) {
        add(&mut self.stats.borrow_mut());
    }
}

impl Executor for Dispatcher {
    type Stream = ReplyStream;

    async fn execute(
        &self,
        call: Box<Call>,
        mut rest: Option<BodyStream>,
        guard: CallGuard,
    ) -> Result<Reply<ReplyStream>, Failure> {
        let began = Instant::now();
        let digest = call.code.digest();
        let source = self.shared.sources.of(&call.code)?;
        if source.len() + call.kwargs.as_ref().map_or(0, String::len) > MAX_TEXT {
            return Err(Error::TextTooLarge { limit: MAX_TEXT as u64 }.into());
        }
        let Shared { pool, admission, limits, .. } = &*self.shared;
        let limit = call.timeout.into_iter().chain(limits.timeout).min();
        let calls_at = |worker: usize| admission[worker].calls();
        let home = call.home.unwrap_or(digest);
        let worker = worker_of(home, admission.len(), limits.replicas, calls_at);
        let is_streamed = rest.is_some();
        // A body that is streamed cannot be sent again when the worker asks for the source.
        let mut needs_source = is_streamed;
        let reported = Rc::<Reported>::default();
        self.count(|stats| stats.started += 1);
        loop {
            // The worker that asked for the source may have been retired since.
            let connection = self.connections.to(worker);
            let sends_source = connection.is_first_source(digest) || needs_source;
            let name = pool.profile.name.clone();
            let kept = (guard.clone(), reported.clone());
            let context = CallContext::new(&call, name, kept, began);
            let in_flight = InFlight::open(&connection, &self.shared, worker, context, limit)?;
            if !in_flight.has_slot().await || !in_flight.may_send().await {
                continue;
            }
            in_flight.send(&call, sends_source.then_some(&*source), rest.take()).await;
            match poll_fn(|cx| in_flight.pending.poll_outcome(cx)).await {
                Outcome::Head(head, first) => return Ok(self.reply(*head, first, in_flight, began)),
                Outcome::Failed(error, (load, run), place) => {
                    let error = out_of_memory::explained(error, || pool.loaded(Some(digest)));
                    let timing = timing(began, load, run);
                    self.count(|stats| stats.observe(&timing));
                    return Err(Failure { error, timing, place });
                }
                Outcome::Lost(error) => {
                    return Err(Failure {
                        error,
                        timing: in_flight.timing_of_lost(began),
                        place: None,
                    });
                }
                Outcome::NeedSource if is_streamed => return Err(Error::BodyIncomplete.into()),
                Outcome::NeedSource => needs_source = true,
            }
        }
    }
}

impl Dispatcher {
    fn reply(
        &self,
        head: wire::ReplyHead<'static>,
        first: Bytes,
        in_flight: InFlight,
        began: Instant,
    ) -> Reply<ReplyStream> {
        let timing = timing(began, head.load_us, head.run_us);
        self.count(|stats| {
            stats.reply_bytes += first.len() as u64;
            stats.observe(&timing);
        });
        let is_whole = head.length == Some(first.len() as u64);
        let head = reply_head(head, in_flight.digest, timing);
        let body = match is_whole {
            true => ReplyBody::Whole(first),
            false => ReplyBody::Stream(ReplyStream::new(in_flight, first)),
        };
        Reply { head, body }
    }
}

fn reply_head(head: wire::ReplyHead<'static>, digest: Digest, timing: Timing) -> ReplyHead {
    let content_type =
        head.content_type.map(|value| ("content-type".to_owned(), value.into_owned()));
    let headers =
        head.headers.into_iter().map(|(name, value)| (name.into_owned(), value.into_owned()));
    ReplyHead {
        member: None,
        status: head.status,
        length: head.length,
        headers: content_type.into_iter().chain(headers).collect(),
        digest,
        timing,
    }
}

/// What was neither loading nor running was waiting.
fn timing(began: Instant, load_us: u64, run_us: u64) -> Timing {
    let (load, run) = (Duration::from_micros(load_us), Duration::from_micros(run_us));
    Timing { queue: began.elapsed().saturating_sub(load + run), load, run }
}
