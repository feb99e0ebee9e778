//! Who runs what in a worker: one thread leads, which is to read calls and run them one after the
//! other; when one of them takes long, another thread takes over the lead.
//!
//! So short calls never fight for the interpreter's lock, which is taken once for all calls that
//! arrived together, and slow calls never hold up the rest. Go's scheduler treats system calls in
//! the same way.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use pyo3::prelude::*;

use super::call::Call;
use super::cancellation::Nudges;
use super::link::Link;
use super::monitor::Monitor;
use super::reader::{Order, Reader};
use super::work::{Job, State, Work};
use crate::wire::{Kind, ReplyHead};

/// How long a call may run before another thread takes over the lead.
const PATIENCE: Duration = Duration::from_millis(1);

/// For how long without any call the monitor still looks every [`PATIENCE`], before it sleeps.
const LINGER: Duration = Duration::from_millis(50);

/// For how long calls are run before their answers are sent.
const BATCH: Duration = Duration::from_micros(200);

thread_local! {
    /// The stamp of the call that this thread runs as the leader; 0: it does not lead.
    static LEADING: Cell<u64> = const { Cell::new(0) };
}

/// The Python functions that the engine calls: those of `owt._worker`, and `json.dumps`.
pub(crate) struct Hooks {
    pub(crate) handle: Py<PyAny>,
    pub(crate) forget: Py<PyAny>,
    pub(crate) cancel: Py<PyAny>,
    /// Whether a thread is in the middle of what is to be finished.
    pub(crate) is_deferred: Py<PyAny>,
    /// The thread of the event loop, if a call holds that up.
    pub(crate) blocked_loop: Py<PyAny>,
    /// Ends what a thread waits for, where that is safe.
    pub(crate) wake: Py<PyAny>,
    /// The exception that interrupts a thread.
    pub(crate) interrupted: Py<PyAny>,
    pub(crate) adaptors: Py<PyAny>,
    pub(crate) to_json: Py<PyAny>,
}

pub(crate) struct Engine {
    pub(super) links: Vec<Arc<Link>>,
    reader: Mutex<Reader>,
    pub(super) hooks: Hooks,
    pub(super) state: Mutex<State>,
    /// Wakes one thread at leisure to lead.
    vacancy: Condvar,
    pub(super) calls: Mutex<HashMap<(usize, u32), Arc<Call>>>,
    /// When the leader began the call that it is running, in nanoseconds since `epoch`; 0: none.
    stamp: AtomicU64,
    epoch: Instant,
    pub(super) monitor: Monitor,
    /// Whether frames were left for the monitor to send.
    has_unsent: AtomicBool,
    /// Calls that were interrupted, and what they may wait for is ended then.
    pub(super) nudges: Nudges,
}

impl Engine {
    pub(crate) fn new(links: Vec<Arc<Link>>, hooks: Hooks, threads: usize) -> Arc<Self> {
        Arc::new(Self {
            reader: Mutex::new(Reader::new(&links)),
            links,
            hooks,
            state: Mutex::new(State::new(threads)),
            vacancy: Condvar::new(),
            calls: Mutex::default(),
            stamp: AtomicU64::new(0),
            epoch: Instant::now(),
            monitor: Monitor::default(),
            has_unsent: AtomicBool::new(false),
            nudges: Nudges::default(),
        })
    }

    /// Starts the first leader and the monitor. Both live as long as the process.
    pub(crate) fn start(self: &Arc<Self>) {
        self.spawn_leader();
        let engine = self.clone();
        spawn("owt-monitor", move || engine.watch());
    }

    /// Forgets a call for which nothing runs any more. Who cancelled it is told.
    pub(crate) fn over(self: &Arc<Self>, py: Python<'_>, call: &Call) {
        self.calls.lock().remove(&(call.link.index, call.id));
        // What the adaptor has left behind may still wait for the body.
        call.close_upload().into_iter().for_each(|callback| self.run(py, Job::Wake(callback)));
        // Whoever cancels after this does not find the call, and is told so there.
        if call.is_cancelled() {
            call.link.push(Kind::Ended, call.id, b"");
        }
    }

    /// Gives up the lead, if this thread has it: it is about to wait for something.
    pub(crate) fn step_down(self: &Arc<Self>) {
        if self.take_lead(LEADING.replace(0)) {
            self.appoint();
        }
    }

    /// Whether this thread leads: it then sends all answers at the end of its batch.
    pub(crate) fn is_leading(&self) -> bool {
        let stamp = LEADING.get();
        stamp != 0 && self.stamp.load(Ordering::Acquire) == stamp
    }

    /// Takes the lead from whoever runs the call of this stamp, if they still have it.
    fn take_lead(&self, stamp: u64) -> bool {
        let swap = |to| self.stamp.compare_exchange(stamp, to, Ordering::AcqRel, Ordering::Acquire);
        stamp != 0 && swap(0).is_ok()
    }

    /// Makes another thread the leader.
    fn appoint(self: &Arc<Self>) {
        let has_idle = self.state.lock().has_idle();
        if has_idle || !self.spawn_leader() {
            // Where no thread can be started, the next one at leisure leads.
            self.state.lock().is_vacant = true;
            self.vacancy.notify_one();
        }
    }

    fn spawn_leader(self: &Arc<Self>) -> bool {
        self.spawn_thread(|_| Work::Lead)
    }

    /// Starts a thread with the work that `first` finds for it.
    fn spawn_thread(
        self: &Arc<Self>,
        first: impl FnOnce(&Arc<Self>) -> Work + Send + 'static,
    ) -> bool {
        let engine = self.clone();
        spawn("owt-call", move || {
            let mut work = first(&engine);
            // Attached for the thread's whole life, but for its waits: threading.local and
            // context variables of adaptors then last as they do in any Python thread.
            Python::attach(|py| {
                loop {
                    let job = match work {
                        Work::Lead => engine.lead(py),
                        Work::Help(job) => Some(job),
                    };
                    engine.help_out(py, job);
                    work = py.detach(|| engine.wait_for_work());
                }
            });
        })
    }

    /// Gives a job to a thread at leisure, or to a new one. Where none can be started, the next one
    /// at leisure has it.
    pub(super) fn hand_over(self: &Arc<Self>, job: Job) {
        let needs_thread = {
            let mut state = self.state.lock();
            let has_idle = state.has_idle();
            state.handed.push_back(job);
            !has_idle
        };
        self.vacancy.notify_one();
        if needs_thread {
            self.spawn_thread(|engine| engine.wait_for_work());
        }
    }

    /// Leaves a call's place to others; `false` if it had none.
    pub(super) fn release(self: &Arc<Self>, call: &Call) -> bool {
        let mut state = self.state.lock();
        if !call.leave_place() {
            return false;
        }
        state.agenda.finish(Some(&call.head.digest));
        let next = state.agenda.next_aside();
        drop(state);
        next.into_iter().for_each(|job| self.hand_over(job));
        true
    }

    /// Takes a place again for a call that had one.
    pub(super) fn resume(&self, call: &Call) {
        let mut state = self.state.lock();
        state.agenda.resume(&call.head.digest);
        call.take_place();
    }

    /// Reads and runs calls until another thread has taken over. Gives back a call that this
    /// thread runs without the lead.
    fn lead(self: &Arc<Self>, py: Python<'_>) -> Option<Job> {
        loop {
            py.detach(|| self.gather());
            let began = Instant::now();
            while began.elapsed() < BATCH {
                let Some(job) = self.state.lock().agenda.next() else { break };
                let (has_lead, follow_up) = self.run_leading(py, job);
                if !has_lead {
                    return follow_up;
                }
            }
        }
    }

    /// Sends the answers of the last batch, and reads more unless there is something to run.
    fn gather(self: &Arc<Self>) {
        loop {
            self.flush_pending();
            if self.state.lock().agenda.has_next_or_reads() {
                return;
            }
            self.reader.lock().read(|order| self.take(order));
        }
    }

    fn take(self: &Arc<Self>, order: Order) {
        match order {
            Order::Call { link, id, head, body } => {
                let key = (link.index, id);
                let call = Arc::new(Call::new(self.clone(), link, id, *head, body));
                self.calls.lock().insert(key, call.clone());
                self.state.lock().agenda.push(call.head.digest, call);
            }
            Order::Cancel { link, id } => {
                self.cancel(link, id);
            }
            Order::Abandon { link, id } => {
                let call = self.calls.lock().get(&(link, id)).cloned();
                match call {
                    Some(call) => self.enqueue(Job::Abandon(call)),
                    None => self.links[link].push(Kind::Ended, id, b""),
                }
            }
            Order::Body { link, id, chunk } => {
                let call = self.calls.lock().get(&(link, id)).cloned();
                self.wake(call.map(|call| call.feed(chunk)).unwrap_or_default());
            }
            Order::Credit { link, id, bytes } => {
                let call = self.calls.lock().get(&(link, id)).cloned();
                if let Some(callback) = call.and_then(|call| call.credit(bytes)) {
                    self.enqueue(Job::Wake(callback));
                }
            }
            Order::Forget(digest) => self.enqueue(Job::Forget(digest.to_string())),
            Order::List { link, id } => self.enqueue(Job::List { link, id }),
            Order::Calls { link, id } => self.tell_begun(&link, id),
        }
    }

    /// Tells which calls of a link have begun. Needs no Python, which may be busy.
    fn tell_begun(&self, link: &Link, id: u32) {
        let calls = self.calls.lock();
        let here = calls.iter().filter(|((index, _), _)| *index == link.index);
        let begun = here.filter(|(_, call)| call.has_begun());
        let numbers: Vec<u8> = begun.flat_map(|((_, number), _)| number.to_le_bytes()).collect();
        // However long: it is read as one frame, as lists are.
        let head = ReplyHead { length: Some(numbers.len() as u64), ..ReplyHead::default() };
        link.push_head(Kind::Head, id, &head, &numbers);
    }

    pub(super) fn wake(&self, callbacks: Vec<Py<PyAny>>) {
        callbacks.into_iter().for_each(|callback| self.enqueue(Job::Wake(callback)));
    }

    pub(super) fn enqueue(&self, job: Job) {
        self.state.lock().agenda.push_urgent(job);
    }

    /// Runs one job. Whether this thread still leads, and if not, what it is to run next.
    fn run_leading(self: &Arc<Self>, py: Python<'_>, job: Job) -> (bool, Option<Job>) {
        let call = job.begun();
        let stamp = self.now();
        LEADING.set(stamp);
        self.stamp.store(stamp, Ordering::SeqCst);
        self.monitor.rouse();
        self.run(py, job);
        if self.take_lead(LEADING.replace(0)) {
            self.state.lock().finish(call.as_deref());
            return (true, None);
        }
        (false, self.state.lock().next_after(call.as_deref()))
    }

    fn run(self: &Arc<Self>, py: Python<'_>, job: Job) {
        let outcome = match job {
            Job::Call(call) => self.run_call(py, &call),
            // By its id, which another call may have by now if this one has ended.
            Job::Interrupt(call) if !self.is_open(&call) => Ok(()),
            Job::Interrupt(call) => self.interrupt(py, &call),
            Job::Nudge(calls) => self.nudge(py, &calls),
            Job::Abandon(call) if !self.is_open(&call) => Ok(()),
            Job::Abandon(call) => self.abandon(py, &call),
            Job::Wake(callback) => callback.call0(py).map(drop),
            Job::Forget(digest) => self.hooks.forget.call1(py, (digest,)).map(drop),
            Job::List { link, id } => self.run_list(py, &link, id),
        };
        if let Err(err) = outcome {
            tracing::error!("owt's own Python failed: {err}");
            self.report_fault();
        }
    }

    /// Asks the front for another worker in this one's place: what failed here may fail again, or
    /// worse, give wrong answers.
    pub(crate) fn report_fault(&self) {
        self.links.first().into_iter().for_each(|link| link.push(Kind::InternalError, 0, b""));
    }

    fn run_call(&self, py: Python<'_>, call: &Arc<Call>) -> PyResult<()> {
        let outcome = call.run(py, &self.hooks);
        if let Err(err) = &outcome {
            // Whatever an adaptor does is answered by owt._worker; this is a fault of our own.
            call.fail(
                "adaptor-raised",
                &format!("owt itself failed while running this call: {err}"),
                None,
            );
        }
        outcome
    }

    pub(super) fn is_open(&self, call: &Arc<Call>) -> bool {
        let calls = self.calls.lock();
        calls.get(&(call.link.index, call.id)).is_some_and(|open| Arc::ptr_eq(open, call))
    }

    fn run_list(&self, py: Python<'_>, link: &Link, id: u32) -> PyResult<()> {
        let adaptors = self.hooks.adaptors.call0(py)?;
        let list: String = self.hooks.to_json.call1(py, (adaptors,))?.extract(py)?;
        let head = ReplyHead {
            status: 200,
            content_type: Some("application/json".into()),
            length: Some(list.len() as u64),
            ..ReplyHead::default()
        };
        link.push_head(Kind::Head, id, &head, list.as_bytes());
        Ok(())
    }

    /// Without the lead: runs one call after the other as long as nobody else may.
    fn help_out(self: &Arc<Self>, py: Python<'_>, mut job: Option<Job>) {
        while let Some(next) = job {
            let call = next.begun();
            py.detach(|| self.flush_pending());
            self.run(py, next);
            job = self.state.lock().next_after(call.as_deref());
        }
        py.detach(|| self.flush_pending());
    }

    pub(super) fn flush_pending(&self) {
        self.links.iter().filter(|link| link.is_pending()).for_each(|link| link.flush());
    }

    fn wait_for_work(&self) -> Work {
        let mut state = self.state.lock();
        state.idle += 1;
        loop {
            if let Some(work) = state.work() {
                state.idle -= 1;
                return work;
            }
            self.vacancy.wait(&mut state);
        }
    }

    /// Nanoseconds since the engine was made, and never 0.
    fn now(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_nanos()).unwrap_or(u64::MAX).max(1)
    }

    /// Has what is pending sent within [`PATIENCE`].
    pub(crate) fn send_soon(&self) {
        self.has_unsent.store(true, Ordering::SeqCst);
        self.monitor.rouse();
    }

    /// Takes the lead from a thread whose call runs for long, and sends what somebody left to it.
    fn watch(self: &Arc<Self>) {
        let patience = u64::try_from(PATIENCE.as_nanos()).unwrap_or(u64::MAX);
        let mut last_seen = Instant::now();
        loop {
            thread::sleep(PATIENCE);
            let stamp = self.stamp.load(Ordering::Acquire);
            let has_unsent = self.has_unsent.swap(false, Ordering::AcqRel);
            if stamp != 0 || has_unsent {
                last_seen = Instant::now();
            }
            if has_unsent {
                self.flush_pending();
            }
            self.nudge_due();
            if stamp != 0 && self.now() - stamp > patience && self.take_lead(stamp) {
                // The new leader may have to wait for the interpreter's lock; answers need not.
                self.flush_pending();
                self.appoint();
            }
            if last_seen.elapsed() > LINGER {
                self.monitor.sleep(|| {
                    self.stamp.load(Ordering::SeqCst) == 0
                        && !self.has_unsent.load(Ordering::SeqCst)
                        && self.nudges.is_empty()
                });
                last_seen = Instant::now();
            }
        }
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> bool {
    let spawned = thread::Builder::new().name(name.to_owned()).spawn(work);
    if let Err(err) = &spawned {
        tracing::error!("cannot start a thread: {err}");
    }
    spawned.is_ok()
}
