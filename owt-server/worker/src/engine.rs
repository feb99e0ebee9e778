//! The state of a worker that all of its threads share, and what it does with the commands of the
//! front. How its threads divide the work is in `leader` and `threads`.

use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::time::Duration;

use bytes::Bytes;
use foldhash::HashMap;
use parking_lot::{Condvar, Mutex};
use pyo3::prelude::*;

use super::call::Call;
use super::callbacks::Callbacks;
use super::connection::{CallKey, Channel, Connection};
use super::delay_queue::DelayQueue;
use super::digests::Digests;
use super::leadership::Leadership;
use super::monitor::Monitor;
use super::reader::{Command, Reader};
use super::reports;
use super::scheduler::{Job, Scheduler};
use owt_common::wire::{Kind, ReplyHead};

/// How long a thread has to raise its interrupt before what it waits for is ended.
const UNBLOCK_DELAY: Duration = Duration::from_millis(20);

pub(crate) struct Engine {
    connections: Vec<Arc<Connection>>,
    pub(super) reader: Mutex<Reader>,
    pub(super) callbacks: Callbacks,
    pub(super) digests: Digests,
    pub(super) scheduler: Mutex<Scheduler>,
    /// Wakes one idle thread.
    pub(super) work_available: Condvar,
    /// All calls that have not ended.
    pub(super) calls: Mutex<HashMap<CallKey, Arc<Call>>>,
    pub(super) leadership: Leadership,
    pub(super) monitor: Monitor,
    /// What they wait for is ended when they are due.
    pub(super) interrupted_calls: DelayQueue<Arc<Call>>,
    /// Each has a report that is sent when it is due.
    pub(super) waiting_reports: DelayQueue<Arc<Call>>,
    /// Each asks for one more thread.
    pub(super) thread_requests: Sender<()>,
}

impl Engine {
    /// Starts with its threads, which live as long as the process.
    pub(super) fn start(
        py: Python<'_>,
        connections: Vec<Arc<Connection>>,
        callbacks: Callbacks,
        threads: usize,
    ) -> PyResult<Arc<Self>> {
        let (thread_requests, requested) = mpsc::channel();
        let engine = Arc::new(Self {
            reader: Mutex::new(Reader::new(&connections)),
            connections,
            callbacks,
            digests: Digests::default(),
            scheduler: Mutex::new(Scheduler::new(threads)),
            work_available: Condvar::new(),
            calls: Mutex::default(),
            leadership: Leadership::new(),
            monitor: Monitor::default(),
            interrupted_calls: DelayQueue::new(UNBLOCK_DELAY),
            waiting_reports: DelayQueue::new(reports::INTERVAL),
            thread_requests,
        });
        engine.start_threads(py, requested)?;
        Ok(engine)
    }

    /// Executes a command of the front, on the thread that has read it.
    pub(super) fn execute(&self, command: Command) {
        match command {
            Command::Call { channel, head, body } => self.accept(Call::new(channel, head, body)),
            Command::Body { key, chunk } => self.receive_body(key, chunk),
            Command::ReplyWindowUpdate { key, bytes } => self.update_window(key, bytes),
            Command::Cancel(key) => self.cancel(key),
            Command::Abandon(key) => match self.call(key) {
                Some(call) => self.enqueue(Job::Abandon(call)),
                None => self.notify_ended(key),
            },
            Command::Forget(digest) => self.enqueue(Job::Forget(digest.to_string())),
            Command::ListAdaptors(channel) => self.enqueue(Job::ListAdaptors(channel)),
            Command::ListCalls(channel) => self.list_started_calls(&channel),
        }
    }

    fn accept(&self, call: Call) {
        let call = Arc::new(call);
        self.calls.lock().insert(call.key(), call.clone());
        self.scheduler.lock().run_queue.push(call.head.digest, call);
    }

    fn receive_body(&self, key: CallKey, chunk: Bytes) {
        let call = self.call(key);
        if let Some(upload) = call.as_ref().and_then(|call| call.upload.as_ref()) {
            self.wake(upload.push(chunk));
        }
    }

    fn update_window(&self, key: CallKey, bytes: usize) {
        self.wake(self.call(key).and_then(|call| call.reply.window.update(bytes)));
    }

    /// Replies with the ids of a connection's calls that have started. Needs no GIL, which may be held.
    fn list_started_calls(&self, channel: &Channel) {
        let connection = channel.key().connection;
        let calls = self.calls.lock();
        let own = calls.iter().filter(|(key, _)| key.connection == connection);
        let started = own.filter(|(_, call)| call.has_started());
        let ids: Vec<u8> = started.flat_map(|(key, _)| key.id.to_le_bytes()).collect();
        // One frame, however long: the front expects lists to be.
        let head = ReplyHead { length: Some(ids.len() as u64), ..ReplyHead::default() };
        channel.push_head(Kind::Head, &head, &ids);
    }

    /// Enqueues callbacks, to be called before the next call runs.
    pub(super) fn wake(&self, callbacks: impl IntoIterator<Item = Py<PyAny>>) {
        callbacks.into_iter().for_each(|callback| self.enqueue(Job::Wake(callback)));
    }

    pub(super) fn enqueue(&self, job: Job) {
        self.scheduler.lock().run_queue.push_urgent(job);
    }

    pub(super) fn flush_all(&self) {
        let pending = self.connections.iter().filter(|connection| connection.has_buffered());
        pending.for_each(|connection| connection.flush());
    }

    fn call(&self, key: CallKey) -> Option<Arc<Call>> {
        self.calls.lock().get(&key).cloned()
    }

    /// Whether a call has not ended. Its id may be another call's by now.
    pub(super) fn is_open(&self, call: &Arc<Call>) -> bool {
        let calls = self.calls.lock();
        calls.get(&call.key()).is_some_and(|open| Arc::ptr_eq(open, call))
    }

    /// Removes a call for which nothing runs any more. If it was cancelled, the front is notified.
    pub(super) fn end_call(self: &Arc<Self>, py: Python<'_>, call: &Call) {
        self.calls.lock().remove(&call.key());
        // What the adaptor has left running may still wait for the body.
        call.close_upload().into_iter().for_each(|callback| self.run_job(py, Job::Wake(callback)));
        // A cancel after this does not find the call, and notifies the front itself.
        if call.is_cancelled() {
            call.channel().notify(Kind::Ended);
        }
    }

    /// Notifies the front that nothing runs for a call.
    pub(super) fn notify_ended(&self, key: CallKey) {
        self.connections[key.connection].push(Kind::Ended, key.id, b"");
    }

    /// Asks the front to replace this worker: what has failed here may fail again or, worse, give
    /// wrong results.
    pub(super) fn report_internal_error(&self) {
        let any = self.connections.first();
        any.into_iter().for_each(|connection| connection.push(Kind::InternalError, 0, b""));
    }
}
