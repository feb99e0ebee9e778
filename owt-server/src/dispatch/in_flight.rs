//! A call that is at a worker, from its first frame on.

use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use owt_core::{BodyStream, Call, Digest, Error, FileName, Timing};

use super::cancellation::CancelReason;
use super::connection::Connection;
use super::context::CallContext;
use super::deadline::Deadline;
use super::pending::Pending;
use super::shared::Shared;
use super::upload::{pieces, pump};
use owt_common::wire::{CallHead, Kind, held_bytes, push_head};

/// Dropping it tells the worker that nobody waits for the call any more.
pub(super) struct InFlight {
    pub(super) connection: Rc<Connection>,
    pub(super) id: u32,
    pub(super) pending: Rc<Pending>,
    shared: Arc<Shared>,
    worker: usize,
    pub(super) digest: Digest,
    /// Of a call whose time is limited.
    deadline: Option<Deadline>,
}

impl InFlight {
    /// Admits a call, and registers it with the connection.
    pub(super) fn open(
        connection: &Rc<Connection>,
        shared: &Arc<Shared>,
        worker: usize,
        context: CallContext,
        limit: Option<Duration>,
    ) -> Result<Self, Error> {
        let digest = context.digest;
        connection.check_available()?;
        shared.admission[worker].admit(digest)?;
        shared.pool.begin_call(worker);
        let (id, pending) = connection.open(Some(context));
        let deadline = limit.map(|limit| Deadline::start(connection, id, &pending, limit));
        let (connection, shared) = (connection.clone(), shared.clone());
        Ok(Self { connection, id, pending, shared, worker, digest, deadline })
    }

    /// Waits while it is not known whether the worker still answers, after another call was cancelled
    /// there. `false` if the worker goes, so that the call is for the next one.
    pub(super) async fn may_send(&self) -> bool {
        let Some(handle) = self.connection.worker_handle().filter(|handle| handle.is_suspect())
        else {
            return true;
        };
        handle.answered().await;
        if !handle.is_terminating() {
            return true;
        }
        self.connection.closed(&handle).await;
        false
    }

    /// Waits for a slot of the pool, which the call has until nothing of it runs any more. `false` if the
    /// worker went meanwhile, so that the call is for the next one.
    pub(super) async fn has_slot(&self) -> bool {
        let Some(slots) = &self.shared.limits.slots else { return true };
        let mut slot = pin!(slots.take(self.digest));
        while self.connection.is_open(self.id) {
            tokio::select! {
                slot = &mut slot => {
                    self.pending.context.as_ref().inspect(|context| context.hold(slot));
                    break;
                }
                () = self.connection.changed.notified() => {}
            }
        }
        // Nothing of it was sent: only a worker that has died is no reason to give it up.
        !self.pending.has_lost_its_worker()
    }

    /// Where the time of a call went that its worker did not answer. A worker that was not asked to say
    /// when the call began is taken to have run it all the time, as nearly all do.
    pub(super) fn timing_of_lost(&self, began: Instant) -> Timing {
        let whole = began.elapsed();
        let run = self.pending.running().unwrap_or(whole);
        Timing { queue: whole.saturating_sub(run), load: Duration::ZERO, run }
    }

    pub(super) async fn send(&self, call: &Call, source: Option<&str>, rest: Option<BodyStream>) {
        // The arguments alone may be megabytes, of each of a thousand calls.
        if !self.connection.has_room(self.id).await {
            return; // It was cancelled while it waited.
        }
        let tell_start = self.deadline.is_some();
        let mut head = CallHead::new(call, source);
        head.run.tell_start = tell_start;
        if rest.is_some() {
            head.run.body_len = None;
        }
        let mut bodies = held_bytes(call).flat_map(pieces);
        let first = bodies.next().unwrap_or_default();
        self.connection.push_with(|outbox| push_head(outbox, Kind::Call, self.id, &head, &first));
        for chunk in bodies {
            if !self.connection.has_room(self.id).await {
                return;
            }
            self.connection.push(Kind::Body, self.id, &chunk);
        }
        if let Some(rest) = rest {
            self.stream(rest, call.request.body.len());
        }
    }

    /// Sends the rest of the body as it arrives, whatever becomes of the answer meanwhile.
    fn stream(&self, rest: BodyStream, sent: usize) {
        let window = self.connection.open_upload(self.id);
        window.consume(sent);
        let (connection, pending) = (self.connection.clone(), self.pending.clone());
        tokio::task::spawn_local(pump(connection, self.id, pending, window, rest));
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.deadline.take();
        self.connection.cancel(self.id, CancelReason::ClientGone);
        self.shared.admission[self.worker].release(self.digest);
        if let Some(CallContext { file_name, keep_alive, .. }) = &self.pending.context {
            let file = file_name.as_ref().map(FileName::as_str);
            self.shared.pool.end_call(self.worker, self.digest, file, *keep_alive);
        }
    }
}
