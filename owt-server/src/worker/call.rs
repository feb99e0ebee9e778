//! One call inside a worker: what the front asked, and how far the answer is.

use std::borrow::Cow;
use std::ffi::c_ulong;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::{Condvar, Mutex};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use super::border::PyCall;
use super::engine::{Engine, Hooks};
use super::link::Link;
use super::python;
use super::upload::{Taken, Upload};
use crate::wire::{CHUNK, CallHead, Failure, Kind, WINDOW};

/// A call that this worker was sent.
pub(crate) struct Call {
    pub(crate) link: Arc<Link>,
    /// The front's number of the call on that link.
    pub(crate) id: u32,
    pub(crate) head: CallHead<'static>,
    /// The body, where all of it came with the call.
    pub(crate) body: Bytes,
    /// The body, where it comes while the call runs.
    pub(crate) upload: Option<Upload>,
    pub(crate) engine: Arc<Engine>,
    times: Times,
    /// The Python thread that runs the call now.
    thread: Mutex<Option<Thread>>,
    /// Whether it has one of its adaptor's places. Changes only under the engine's lock.
    has_place: AtomicBool,
    is_cancelled: AtomicBool,
    answer: Mutex<Answer>,
    flow: Mutex<Flow>,
    credited: Condvar,
}

/// A thread that runs a call: as Python counts threads, and as the system does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Thread {
    pub(super) ident: c_ulong,
    pub(super) native: i32,
}

impl Thread {
    fn current() -> Self {
        thread_local! {
            static CURRENT: Thread = Thread {
                ident: python::thread_id(),
                native: rustix::thread::gettid().as_raw_nonzero().get(),
            };
        }
        CURRENT.with(|thread| *thread)
    }
}

#[derive(Default)]
struct Times {
    started: OnceLock<Instant>,
    loaded: OnceLock<Instant>,
}

/// How far the answer is.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Answer {
    #[default]
    Open,
    /// Its head has been sent, and its body is on the way.
    Begun,
    Complete,
}

/// How much more of the reply the reader can take.
struct Flow {
    /// Bytes; below zero after a chunk that was larger than what was left.
    credit: isize,
    /// To be called when there is credit again.
    waiting: Option<Py<PyAny>>,
}

impl Call {
    pub(crate) fn new(
        engine: Arc<Engine>,
        link: Arc<Link>,
        id: u32,
        head: CallHead<'static>,
        body: Bytes,
    ) -> Self {
        let flow = Flow { credit: WINDOW.cast_signed(), waiting: None };
        let (body, upload) = match head.body_len {
            Some(_) => (body, None),
            None => (Bytes::new(), Some(Upload::new(body))),
        };
        Self {
            link,
            id,
            head,
            body,
            upload,
            engine,
            times: Times::default(),
            thread: Mutex::default(),
            has_place: AtomicBool::new(false),
            is_cancelled: AtomicBool::new(false),
            answer: Mutex::default(),
            flow: Mutex::new(flow),
            credited: Condvar::new(),
        }
    }

    /// Runs the call on this thread, unless nobody waits for it any more.
    pub(crate) fn run(self: &Arc<Self>, py: Python<'_>, hooks: &Hooks) -> PyResult<()> {
        if self.is_cancelled() {
            self.engine.over(py, self);
            return Ok(());
        }
        self.begin(py);
        self.occupy();
        let outcome = hooks.handle.call1(py, (PyCall(self.clone()),));
        self.settle(py);
        let is_over = outcome.and_then(|is_over| is_over.is_truthy(py));
        if !matches!(is_over, Ok(false)) {
            self.engine.over(py, self);
        } else if self.is_cancelled() {
            // The interrupt may have come while it was still on this thread.
            hooks.cancel.call1(py, (&*self.head.request_id,))?;
        }
        // An interrupt that came too late to hit the adaptor has nothing more to stop.
        let is_interrupt =
            |err: &PyErr| self.is_cancelled() && err.is_instance(py, hooks.interrupted.bind(py));
        is_over.map(drop).or_else(|err| if is_interrupt(&err) { Ok(()) } else { Err(err) })
    }

    /// Whether a thread has begun to run it.
    pub(crate) fn has_begun(&self) -> bool {
        self.times.started.get().is_some()
    }

    fn begin(&self, py: Python<'_>) {
        let _ = self.times.started.set(Instant::now());
        if self.head.tell_start {
            self.link.push(Kind::Started, self.id, b"");
            py.detach(|| self.link.flush());
        }
    }

    /// From now on the call runs on this thread, where an interrupt will hit it; `false` if it has
    /// been cancelled before.
    pub(crate) fn occupy(&self) -> bool {
        *self.thread.lock() = Some(Thread::current());
        !self.is_cancelled()
    }

    /// Lets no interrupt hit this thread any more on behalf of this call.
    pub(crate) fn settle(&self, py: Python<'_>) {
        let here = Thread::current();
        // Another thread may have gone on with the call already.
        self.thread.lock().take_if(|thread| *thread == here);
        if self.is_cancelled() {
            python::take_back(py, here.ident, &self.engine.hooks.interrupted);
        }
    }

    /// The thread that runs the call now; none while it is in the event loop.
    pub(super) fn thread(&self) -> Option<Thread> {
        *self.thread.lock()
    }

    /// For how long the call has been at a thread.
    pub(super) fn age(&self) -> Duration {
        self.times.started.get().map_or(Duration::ZERO, Instant::elapsed)
    }

    pub(super) fn take_place(&self) {
        self.has_place.store(true, Ordering::Relaxed);
    }

    /// Whether it had a place, which it now has no more.
    pub(super) fn leave_place(&self) -> bool {
        self.has_place.swap(false, Ordering::Relaxed)
    }

    /// Marks the call as given up by the front. Who waits for credit on a thread wakes up; who does
    /// so in the event loop is cancelled there. Gives back whom to wake that waits for the body.
    pub(crate) fn cancel(&self) -> Vec<Py<PyAny>> {
        let _flow = self.flow.lock();
        self.is_cancelled.store(true, Ordering::Release);
        self.credited.notify_all();
        self.close_upload()
    }

    /// Adds to the body that comes while the call runs; gives back whom to wake.
    pub(crate) fn feed(&self, chunk: Bytes) -> Vec<Py<PyAny>> {
        self.upload.as_ref().map(|upload| upload.feed(chunk)).unwrap_or_default()
    }

    /// Nothing more comes of the body; gives back whom to wake.
    pub(crate) fn close_upload(&self) -> Vec<Py<PyAny>> {
        self.upload.as_ref().map(Upload::give_up).unwrap_or_default()
    }

    /// Adds what the reader has taken; gives back whom to wake.
    pub(crate) fn credit(&self, bytes: usize) -> Option<Py<PyAny>> {
        let mut flow = self.flow.lock();
        flow.credit = flow.credit.saturating_add_unsigned(bytes);
        if flow.credit <= 0 {
            return None;
        }
        self.credited.notify_all();
        flow.waiting.take()
    }

    /// Answers with an error of owt's own. An answer that has begun breaks off.
    pub(crate) fn fail(&self, code: &str, text: &str, place: Option<&str>) {
        let before = std::mem::replace(&mut *self.answer.lock(), Answer::Complete);
        match before {
            Answer::Open => {
                let (load_us, run_us) = self.timing();
                let (code, text, place) = (code.into(), text.into(), place.map(Cow::from));
                let failure = Failure { code, text, place, load_us, run_us };
                self.link.push_head(Kind::Fail, self.id, &failure, b"");
            }
            Answer::Begun => self.link.push(Kind::Broken, self.id, text.as_bytes()),
            Answer::Complete => {}
        }
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.is_cancelled.load(Ordering::Acquire)
    }

    /// Claims the one answer that a call may have.
    pub(crate) fn begin_answer(&self) -> PyResult<()> {
        let mut answer = self.answer.lock();
        match *answer {
            Answer::Open => *answer = Answer::Begun,
            _ => return Err(PyRuntimeError::new_err("this call is answered already")),
        }
        Ok(())
    }

    /// Says that the answer is complete, by a frame if the front cannot know it.
    pub(crate) fn end_answer(&self, last: Option<(Kind, &str)>) {
        let before = std::mem::replace(&mut *self.answer.lock(), Answer::Complete);
        if let (Answer::Begun, Some((kind, words))) = (before, last) {
            self.link.push(kind, self.id, words.as_bytes());
        }
    }

    /// Marks that loading is over and running begins.
    pub(crate) fn loaded(&self) {
        let _ = self.times.loaded.set(Instant::now());
    }

    /// Has `callback` called when the reader can take more; `true` if it can now, or has gone.
    pub(crate) fn when_writable(&self, callback: Py<PyAny>) -> bool {
        let mut flow = self.flow.lock();
        if flow.credit > 0 || self.is_cancelled() {
            return true;
        }
        flow.waiting = Some(callback);
        false
    }

    pub(crate) fn is_writable(&self) -> bool {
        self.flow.lock().credit > 0 || self.is_cancelled()
    }

    /// Microseconds spent loading, and running until now.
    pub(crate) fn timing(&self) -> (u64, u64) {
        let now = Instant::now();
        let started = *self.times.started.get().unwrap_or(&now);
        let loaded = *self.times.loaded.get().unwrap_or(&started);
        (micros(loaded - started), micros(now - loaded))
    }

    fn spend(&self, bytes: usize) -> bool {
        let mut flow = self.flow.lock();
        flow.credit = flow.credit.saturating_sub_unsigned(bytes);
        flow.credit > 0
    }

    /// Waits until the reader can take more, or has gone: `false`. Others have its place meanwhile:
    /// readers that stall cost an adaptor none.
    fn wait_for_reader(&self) -> bool {
        let had_place = self.engine.release(self);
        let is_read = self.wait_for_credit();
        if had_place {
            self.engine.resume(self);
        }
        is_read
    }

    /// Waits until the reader can take more, or has gone: `false`.
    fn wait_for_credit(&self) -> bool {
        let mut flow = self.flow.lock();
        while flow.credit <= 0 && !self.is_cancelled() {
            self.credited.wait(&mut flow);
        }
        !self.is_cancelled()
    }

    /// Takes what there is of an upload, and tells the front that there is room for more.
    pub(crate) fn take_from(&self, upload: &Upload) -> Taken {
        self.tell_taken(upload.take())
    }

    /// Does the same, but waits until there is something.
    pub(crate) fn wait_for(&self, py: Python<'_>, upload: &Upload) -> Taken {
        match self.take_from(upload) {
            Taken::Nothing => {
                self.engine.step_down();
                py.detach(|| {
                    self.link.flush();
                    self.tell_taken(upload.wait())
                })
            }
            taken => taken,
        }
    }

    fn tell_taken(&self, taken: Taken) -> Taken {
        if let Taken::Chunk(chunk) = &taken {
            let bytes = u32::try_from(chunk.len()).expect("a chunk came in one frame");
            self.link.push(Kind::BodyWindowUpdate, self.id, &bytes.to_le_bytes());
        }
        taken
    }

    /// Adds a chunk of at most [`CHUNK`] bytes to the link; `false` once there is no credit left.
    fn push_piece(&self, piece: &[u8]) -> bool {
        self.link.push(Kind::Chunk, self.id, piece);
        self.spend(piece.len())
    }

    /// Whether a chunk may wait for those that come in the next moment. To write each of a thousand
    /// small chunks would take longer than to make them.
    pub(crate) fn gathers(&self) -> bool {
        let gathers = !self.link.is_due();
        if gathers {
            self.engine.send_soon();
        }
        gathers
    }

    /// Adds a chunk of any size, whatever the reader does.
    pub(crate) fn push_chunk(&self, chunk: &[u8]) {
        chunk.chunks(CHUNK).for_each(|piece| {
            self.push_piece(piece);
        });
    }

    /// Sends a chunk of any size, no faster than the reader takes it; `false` once it has gone.
    pub(crate) fn send(&self, py: Python<'_>, chunk: &[u8]) -> bool {
        let mut pieces = chunk.chunks(CHUNK);
        pieces.all(|piece| {
            let has_credit = self.push_piece(piece);
            if has_credit && self.gathers() {
                return !self.is_cancelled();
            }
            if !has_credit {
                self.engine.step_down();
            }
            py.detach(|| {
                self.link.flush();
                if has_credit { !self.is_cancelled() } else { self.wait_for_reader() }
            })
        })
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
