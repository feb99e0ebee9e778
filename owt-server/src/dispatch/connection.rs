//! One front thread's end of the socket to one worker. Frames of all calls that the thread has at
//! that worker share it, and go out as one write where several are waiting.

use std::cell::RefCell;
use std::future::poll_fn;
use std::os::unix::net::UnixStream as StdStream;
use std::rc::Rc;
use std::sync::Arc;

use foldhash::{HashMap, HashSet};
use owt_core::stats::CallStats;
use owt_core::{Digest, Error};
use tokio::net::UnixStream;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::cancellation::{CancelPolicy, Cancellation};
use super::context::CallContext;
use super::pending::{Outcome, Pending};
use super::window::Window;
use crate::pool::ExitReason;
use crate::pool::{DrainGuard, RecycleReason, WorkerHandle};
use owt_common::wire::{self, Kind};

/// Bytes that may wait for a worker before the sender of a large body waits too.
const HIGH_WATER: usize = 1 << 20;

/// How many digests a connection remembers; a worker asks for source that it was not sent.
const MAX_SENT_SOURCES: usize = 8192;

pub(super) struct Connection {
    pub(super) policy: CancelPolicy,
    stats: Rc<RefCell<CallStats>>,
    pub(super) state: RefCell<State>,
    /// Frames wait to be written.
    pub(super) has_frames: Notify,
    /// Frames have been written, or calls have ended.
    pub(super) changed: Notify,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) outbox: Vec<u8>,
    pub(super) calls: HashMap<u32, Rc<Pending>>,
    /// Calls that were cancelled and have not ended yet.
    pub(super) cancelled: HashMap<u32, Cancellation>,
    /// The windows of bodies that are on their way to their calls.
    pub(super) uploads: HashMap<u32, Rc<Window>>,
    last_id: u32,
    /// Calls that were opened since the worker has last said something.
    pub(super) calls_since_answer: usize,
    /// The worker at the other end, once there is one.
    worker: Option<Worker>,
    /// Why there is none, once calls do not wait for it any more.
    unavailable: Option<Arc<str>>,
    is_retired: bool,
    /// Digests whose source this worker was sent over this connection.
    sent_sources: HashSet<Digest>,
    tasks: Vec<JoinHandle<()>>,
}

struct Worker {
    /// As the log names it.
    name: String,
    handle: Arc<WorkerHandle>,
    /// Held while this connection may have calls there.
    drain_guard: Option<DrainGuard>,
}

impl State {
    /// Abandoned calls do not count.
    fn in_flight(&self) -> usize {
        self.calls.len() + self.cancelled.values().filter(|call| !call.is_abandoned()).count()
    }
}

/// A query that waits for its answer. It runs nothing, so there is nothing to cancel.
struct OpenQuery<'a> {
    connection: &'a Connection,
    id: u32,
}

impl Drop for OpenQuery<'_> {
    fn drop(&mut self) {
        self.connection.state.borrow_mut().calls.remove(&self.id);
        self.connection.release_if_drained();
    }
}

impl Connection {
    pub(super) fn new(policy: CancelPolicy, stats: Rc<RefCell<CallStats>>) -> Rc<Self> {
        let (state, has_frames, changed) = Default::default();
        Rc::new(Self { policy, stats, state, has_frames, changed })
    }

    /// Registers a call; frames for it go by this number.
    pub(super) fn open(&self, context: Option<CallContext>) -> (u32, Rc<Pending>) {
        let state = &mut *self.state.borrow_mut();
        // An id is reused only after four billion calls.
        state.last_id = state.last_id.wrapping_add(1);
        state.calls_since_answer += 1;
        let pending = Rc::new(Pending::new(context));
        state.calls.insert(state.last_id, pending.clone());
        (state.last_id, pending)
    }

    /// Says how much of a call's body may be sent, as long as the call is open.
    pub(super) fn open_upload(&self, id: u32) -> Rc<Window> {
        let window = Rc::new(Window::default());
        self.state.borrow_mut().uploads.insert(id, window.clone());
        window
    }

    pub(super) fn close_upload(&self, id: u32) {
        let upload = self.state.borrow_mut().uploads.remove(&id);
        upload.inspect(|window| window.close());
    }

    /// Adds to what this thread of the front has counted.
    pub(super) fn count(&self, add: impl FnOnce(&mut CallStats)) {
        add(&mut self.stats.borrow_mut());
    }

    /// The worker at the other end, once there is one.
    pub(super) fn worker_handle(&self) -> Option<Arc<WorkerHandle>> {
        self.state.borrow().worker.as_ref().map(|worker| worker.handle.clone())
    }

    /// The worker at the other end, as the log names it.
    pub(super) fn name(&self) -> String {
        self.state.borrow().worker.as_ref().map(|worker| worker.name.clone()).unwrap_or_default()
    }

    /// No more calls come over this connection; the worker may go once those that it has are over.
    pub(super) fn retire(&self) {
        self.state.borrow_mut().is_retired = true;
        self.release_if_drained();
    }

    /// Drops the drain guard of a retired worker once no call is in flight.
    pub(super) fn release_if_drained(&self) {
        let state = &mut *self.state.borrow_mut();
        if state.is_retired && state.in_flight() == 0 {
            state.worker.as_mut().and_then(|worker| worker.drain_guard.take());
        }
    }

    pub(super) fn is_to(&self, handle: &Arc<WorkerHandle>) -> bool {
        self.state
            .borrow()
            .worker
            .as_ref()
            .is_some_and(|worker| Arc::ptr_eq(&worker.handle, handle))
    }

    /// Waits until this worker is no longer at the other end.
    pub(super) async fn closed(&self, handle: &Arc<WorkerHandle>) {
        while self.is_to(handle) {
            self.changed.notified().await;
        }
    }

    /// The calls at the worker, without cancelled ones.
    pub(super) fn calls(&self) -> Vec<(u32, Rc<Pending>)> {
        let state = self.state.borrow();
        state.calls.iter().map(|(id, pending)| (*id, pending.clone())).collect()
    }

    /// Asks the worker something that runs no call.
    pub(super) async fn ask(&self, query_kind: Kind) -> Outcome {
        let (id, pending) = self.open(None);
        let query = OpenQuery { connection: self, id };
        self.push(query_kind, query.id, b"");
        poll_fn(|cx| pending.poll_outcome(cx)).await
    }

    pub(super) fn push(&self, kind: Kind, id: u32, raw: &[u8]) {
        self.push_with(|outbox| wire::push(outbox, kind, id, raw));
    }

    pub(super) fn push_with(&self, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.state.borrow_mut().outbox);
        self.has_frames.notify_one();
    }

    /// Whether this worker is still to be sent the source; from now on it is not.
    pub(super) fn is_first_source(&self, digest: Digest) -> bool {
        let sent = &mut self.state.borrow_mut().sent_sources;
        if sent.len() >= MAX_SENT_SOURCES {
            sent.clear();
        }
        sent.insert(digest)
    }

    /// Waits while too much waits to be written; `false` once the call is over.
    pub(super) async fn has_room(&self, id: u32) -> bool {
        while self.is_open(id) && self.state.borrow().outbox.len() > HIGH_WATER {
            self.changed.notified().await;
        }
        self.is_open(id)
    }

    pub(super) fn is_open(&self, id: u32) -> bool {
        self.state.borrow().calls.contains_key(&id)
    }

    /// Starts reading and writing the socket of a worker that is up.
    pub(super) fn connect(
        self: &Rc<Self>,
        name: String,
        handle: Arc<WorkerHandle>,
        drain_guard: DrainGuard,
        socket: StdStream,
    ) {
        let worker = Some(Worker { name, handle, drain_guard: Some(drain_guard) });
        self.state.borrow_mut().worker = worker;
        self.state.borrow_mut().unavailable = None;
        let socket = socket.set_nonblocking(true).and_then(|()| UnixStream::from_std(socket));
        let Ok(socket) = socket else {
            return self.broken();
        };
        let (incoming, outgoing) = socket.into_split();
        let (reader, writer) = (self.clone(), self.clone());
        self.state.borrow_mut().tasks = vec![
            tokio::task::spawn_local(async move { reader.read(incoming).await }),
            tokio::task::spawn_local(async move { writer.write(outgoing).await }),
        ];
    }

    /// No worker comes for now: calls that wait for one fail, and so do others until it comes.
    pub(super) fn unavailable(&self, reason: Arc<str>) {
        self.fail(&Error::WorkerUnavailable(reason.to_string()));
        self.state.borrow_mut().unavailable = Some(reason);
    }

    /// Why calls do not wait here for a worker, if so.
    pub(super) fn check_available(&self) -> Result<(), Error> {
        match &self.state.borrow().unavailable {
            Some(reason) => Err(Error::WorkerUnavailable(reason.to_string())),
            None => Ok(()),
        }
    }

    /// The worker has exited: all its calls fail, and the state is reset for the next worker.
    pub(super) fn fail(&self, err: &Error) {
        let state = std::mem::take(&mut *self.state.borrow_mut());
        self.state.borrow_mut().last_id = state.last_id;
        state.tasks.iter().for_each(JoinHandle::abort);
        // Calls that wait to be sent to it are for the next one.
        state.worker.inspect(|worker| worker.handle.terminate(ExitReason::Lost));
        for pending in state.calls.values() {
            pending.fail(err.clone());
            pending.release_guard();
        }
        state.uploads.values().for_each(|window| window.close());
        self.changed.notify_waiters();
    }

    /// The socket is broken: the worker has exited, or an adaptor has closed its sockets and the worker
    /// has to be terminated.
    pub(super) fn broken(&self) {
        self.terminate(ExitReason::Lost);
    }

    /// Has the worker terminated, if there is one.
    pub(super) fn terminate(&self, reason: ExitReason) {
        self.worker_handle().inspect(|handle| handle.terminate(reason));
    }

    /// Has the worker replaced gracefully, if there is one.
    pub(super) fn recycle(&self, reason: RecycleReason) {
        self.worker_handle().inspect(|handle| handle.recycle(reason));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::FutureExt;
    use rstest::rstest;

    use super::*;
    use crate::dispatch::cancellation::CancelReason;

    /// A connection that no worker has come to yet.
    fn connection() -> Rc<Connection> {
        let policy = CancelPolicy { grace: Duration::from_secs(60), max_abandoned: 1 };
        Connection::new(policy, Rc::default())
    }

    #[tokio::test]
    async fn there_is_room_until_much_waits_to_be_written() {
        let connection = connection();
        let (id, _pending) = connection.open(None);
        assert_eq!(connection.has_room(id).now_or_never(), Some(true));
        connection.push(Kind::Body, id, &vec![0; HIGH_WATER]);
        assert_eq!(connection.has_room(id).now_or_never(), None);
    }

    #[rstest]
    #[case::its_client_has_gone(|connection: &Rc<Connection>, id| connection.cancel(id, CancelReason::ClientGone))]
    #[case::the_worker_has_died(|connection: &Rc<Connection>, _| connection.fail(&Error::from(ExitReason::Lost)))]
    #[tokio::test]
    async fn nobody_waits_for_room_for_a_call_that_is_over(#[case] end: fn(&Rc<Connection>, u32)) {
        let end_it = async {
            let connection = connection();
            let (id, _pending) = connection.open(None);
            connection.push(Kind::Body, id, &vec![0; HIGH_WATER]);
            let mut waiting = std::pin::pin!(connection.has_room(id));
            assert_eq!(waiting.as_mut().now_or_never(), None);
            end(&connection, id);
            assert_eq!(waiting.now_or_never(), Some(false));
            // As it would be where no other worker ever comes to this connection.
            connection.push(Kind::Body, id, &vec![0; HIGH_WATER]);
            assert_eq!(connection.has_room(id).now_or_never(), Some(false));
        };
        tokio::task::LocalSet::new().run_until(end_it).await;
    }
}
