//! A call that was cancelled and has not ended yet: how long its worker has for that, and what
//! happens then.
//!
//! The worker acknowledges at once that it has raised the exception in the call: so its interpreter
//! answers. A call that is still there after the grace period is abandoned, which the worker is asked
//! to do: it harms nobody while it only waits. Only a worker that does not answer is terminated.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use owt_core::Error;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::connection::Connection;
use super::pending::Pending;
use crate::pool::ExitReason;
use crate::pool::{RecycleReason, Unanswered, WorkerHandle};
use owt_common::wire::{Frame, Kind};

/// How long an import may go on after its call was cancelled. What is interrupted half way in an
/// import stays broken in its worker.
const IMPORT_LIMIT: Duration = Duration::from_secs(60);

/// How long a worker that answered before has at least to abandon a call.
const MIN_ANSWER: Duration = Duration::from_secs(1);

/// Why a call is cancelled: the label of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub(super) enum CancelReason {
    /// Its client has gone.
    ClientGone,
    /// The rest of its body did not come, or is too large.
    BodyBroken,
    /// Its time is up.
    Deadline,
    /// Somebody cancelled it by its id.
    Cancelled,
    /// The server stops.
    Draining,
}

impl CancelReason {
    /// What its client is told, where that is not known from elsewhere.
    pub(super) fn error(self) -> Option<Error> {
        match self {
            Self::Cancelled => Some(Error::Cancelled),
            Self::Draining => Some(Error::Draining),
            Self::ClientGone | Self::BodyBroken | Self::Deadline => None,
        }
    }
}

/// The limits for cancelled calls.
#[derive(Debug, Clone, Copy)]
pub(super) struct CancelPolicy {
    /// How long a cancelled call may run before it is abandoned.
    pub(super) grace: Duration,
    /// The number of abandoned calls above which a worker is replaced.
    pub(super) max_abandoned: usize,
}

pub(super) struct Cancellation {
    id: u32,
    pub(super) pending: Rc<Pending>,
    /// `None` until a worker is connected.
    handle: Option<Arc<WorkerHandle>>,
    /// Expires at the end of the grace period.
    clock: JoinHandle<()>,
    since: Instant,
    /// Held until the worker acknowledges.
    unanswered: Option<Unanswered>,
    /// Held once the call is abandoned.
    abandoned: Option<Abandoned>,
}

impl Cancellation {
    pub(super) fn begin(
        connection: &Rc<Connection>,
        id: u32,
        pending: Rc<Pending>,
        handle: Option<Arc<WorkerHandle>>,
    ) -> Self {
        let unanswered = handle.as_ref().map(WorkerHandle::expect_answer);
        let clock = clock(connection, id, connection.policy.grace);
        Self { id, pending, handle, clock, since: Instant::now(), unanswered, abandoned: None }
    }

    /// The worker has raised the exception in the call.
    pub(super) fn interrupted(&mut self) {
        self.unanswered = None;
    }

    /// The exception is deferred to the end of an import, which gives the call more time.
    pub(super) fn deferred(&mut self, connection: &Rc<Connection>) {
        self.unanswered = None;
        if self.since.elapsed() < IMPORT_LIMIT {
            self.restart(connection, connection.policy.grace);
        }
    }

    /// The grace period is over: has the call abandoned, by a worker that answers.
    pub(super) fn grace_expired(&mut self, connection: &Rc<Connection>) {
        self.handle = self.handle.take().or_else(|| connection.worker_handle());
        let Some(handle) = &self.handle else { return };
        if self.unanswered.is_some() {
            let name = connection.name();
            tracing::warn!("worker {name} does not end a call that was cancelled; ending it");
            return handle.terminate(ExitReason::Stuck);
        }
        self.unanswered = Some(WorkerHandle::expect_answer(handle));
        connection.push(Kind::Abandon, self.id, b"");
        self.restart(connection, connection.policy.grace.max(MIN_ANSWER));
    }

    /// The worker has abandoned the call, whose thread either waits or runs on in Python.
    pub(super) fn abandoned(&mut self, connection: &Rc<Connection>, runs_on: bool) {
        let Some(handle) = &self.handle else { return };
        self.clock.abort();
        self.unanswered = None;
        if self.abandoned.is_some() {
            return;
        }
        let calls = handle.abandoned.fetch_add(1, Ordering::Relaxed) + 1;
        self.abandoned = Some(Abandoned(handle.clone()));
        self.pending.release_guard();
        connection.count(|stats| stats.abandoned += 1);
        if runs_on {
            handle.recycle(RecycleReason::Runaway);
        } else if calls > connection.policy.max_abandoned {
            handle.recycle(RecycleReason::Abandoned { calls });
        }
    }

    pub(super) fn is_abandoned(&self) -> bool {
        self.abandoned.is_some()
    }

    fn restart(&mut self, connection: &Rc<Connection>, time: Duration) {
        self.clock.abort();
        self.clock = clock(connection, self.id, time);
    }
}

impl Drop for Cancellation {
    fn drop(&mut self) {
        self.clock.abort();
    }
}

/// Counts a call as abandoned until its thread comes back, or its worker ends.
struct Abandoned(Arc<WorkerHandle>);

impl Drop for Abandoned {
    fn drop(&mut self) {
        self.0.abandoned.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Connection {
    /// Cancels a call that is not over, and counts why. Its worker is told that nobody waits any more,
    /// and has the grace period to say that nothing runs any more either.
    pub(super) fn cancel(self: &Rc<Self>, id: u32, reason: CancelReason) {
        let Some(pending) = self.state.borrow_mut().calls.remove(&id) else { return };
        self.count(|stats| stats.count_cancelled(reason.into()));
        self.close_upload(id);
        self.changed.notify_waiters();
        self.push(Kind::Cancel, id, b"");
        let cancellation = Cancellation::begin(self, id, pending, self.worker_handle());
        self.state.borrow_mut().cancelled.insert(id, cancellation);
    }

    /// The grace period of a cancelled call is over.
    fn grace_expired(self: &Rc<Self>, id: u32) {
        // Out of the state meanwhile, which a frame to the worker changes.
        let Some(mut cancellation) = self.state.borrow_mut().cancelled.remove(&id) else { return };
        cancellation.grace_expired(self);
        self.state.borrow_mut().cancelled.insert(id, cancellation);
    }

    /// The calls that are abandoned at the worker.
    pub(super) fn abandoned(&self) -> Vec<Rc<Pending>> {
        let state = self.state.borrow();
        let abandoned = state.cancelled.values().filter(|call| call.is_abandoned());
        abandoned.map(|call| call.pending.clone()).collect()
    }

    /// Handles what the worker says of a call that was cancelled; `false` of any other frame.
    pub(super) fn handle_cancelled(self: &Rc<Self>, kind: Kind, frame: &Frame) -> bool {
        let cancelled = &mut self.state.borrow_mut().cancelled;
        let Some(call) = cancelled.get_mut(&frame.id) else { return kind == Kind::Ended };
        match kind {
            Kind::Interrupted => call.interrupted(),
            Kind::Deferred => call.deferred(self),
            Kind::Abandoned => call.abandoned(self, frame.payload.first() == Some(&1)),
            Kind::Ended => drop(cancelled.remove(&frame.id)),
            _ => return false,
        }
        true
    }
}

fn clock(connection: &Rc<Connection>, id: u32, time: Duration) -> JoinHandle<()> {
    let connection = connection.clone();
    tokio::task::spawn_local(async move {
        sleep(time).await;
        connection.grace_expired(id);
    })
}
