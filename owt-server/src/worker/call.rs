//! One call inside a worker: what the front asked, and how far the answer is.

use std::ffi::c_ulong;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use super::border::PyCall;
use super::engine::{Engine, Hooks};
use super::link::{Link, lock};
use super::python;
use crate::wire::{CHUNK, CallHead, Failure, Kind, WINDOW};

/// A call that this worker was sent.
pub(crate) struct Call {
    pub(crate) link: Arc<Link>,
    /// The front's number of the call on that link.
    pub(crate) id: u32,
    pub(crate) head: CallHead<'static>,
    pub(crate) body: Bytes,
    pub(crate) engine: Arc<Engine>,
    times: Times,
    /// The Python thread that runs the call now.
    thread: Mutex<Option<c_ulong>>,
    is_cancelled: AtomicBool,
    is_answered: AtomicBool,
    flow: Mutex<Flow>,
    credited: Condvar,
}

#[derive(Default)]
struct Times {
    started: OnceLock<Instant>,
    loaded: OnceLock<Instant>,
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
        Self {
            link,
            id,
            head,
            body,
            engine,
            times: Times::default(),
            thread: Mutex::default(),
            is_cancelled: AtomicBool::new(false),
            is_answered: AtomicBool::new(false),
            flow: Mutex::new(flow),
            credited: Condvar::new(),
        }
    }

    /// Runs the call on this thread, unless nobody waits for it any more.
    pub(crate) fn run(self: &Arc<Self>, py: Python<'_>, handle: &Py<PyAny>) -> PyResult<()> {
        if self.is_cancelled() {
            self.engine.ended(self);
            return Ok(());
        }
        let _ = self.times.started.set(Instant::now());
        let thread = python::thread_id();
        *lock(&self.thread) = Some(thread);
        let outcome = handle.call1(py, (PyCall(self.clone()),));
        *lock(&self.thread) = None;
        if self.is_cancelled() {
            // It may have been interrupted too late to notice; the next call is not to be hit.
            python::raise_in(py, thread, None);
        }
        outcome.map(drop)
    }

    /// Stops a cancelled call where it is: on its thread, or in the event loop by `cancel`.
    pub(crate) fn interrupt(&self, py: Python<'_>, hooks: &Hooks) -> PyResult<()> {
        let thread = lock(&self.thread);
        match *thread {
            Some(thread) => python::raise_in(py, thread, Some(&hooks.interrupted)),
            None => drop(hooks.cancel.call1(py, (&*self.head.request_id,))?),
        }
        Ok(())
    }

    /// Marks the call as given up by the front; gives back whom to wake.
    pub(crate) fn cancel(&self) -> Option<Py<PyAny>> {
        self.is_cancelled.store(true, Ordering::Release);
        let waiting = lock(&self.flow).waiting.take();
        self.credited.notify_all();
        waiting
    }

    /// Adds what the reader has taken; gives back whom to wake.
    pub(crate) fn credit(&self, bytes: usize) -> Option<Py<PyAny>> {
        let mut flow = lock(&self.flow);
        flow.credit = flow.credit.saturating_add_unsigned(bytes);
        if flow.credit <= 0 {
            return None;
        }
        self.credited.notify_all();
        flow.waiting.take()
    }

    /// Answers with an error of owt's own, unless there is an answer already.
    pub(crate) fn fail(&self, code: &str, text: &str) {
        if !self.is_answered.swap(true, Ordering::AcqRel) {
            let (load_us, run_us) = self.timing();
            let failure = Failure { code: code.into(), text: text.into(), load_us, run_us };
            self.link.push_head(Kind::Fail, self.id, &failure, b"");
        }
        self.engine.ended(self);
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.is_cancelled.load(Ordering::Acquire)
    }

    /// Claims the one answer that a call may have.
    pub(crate) fn answer(&self) -> PyResult<()> {
        match self.is_answered.swap(true, Ordering::AcqRel) {
            false => Ok(()),
            true => Err(PyRuntimeError::new_err("this call is answered already")),
        }
    }

    /// Marks that loading is over and running begins.
    pub(crate) fn loaded(&self) {
        let _ = self.times.loaded.set(Instant::now());
    }

    /// Has `callback` called when the reader can take more; `true` if it can now, or has gone.
    pub(crate) fn when_writable(&self, callback: Py<PyAny>) -> bool {
        let mut flow = lock(&self.flow);
        if flow.credit > 0 || self.is_cancelled() {
            return true;
        }
        flow.waiting = Some(callback);
        false
    }

    /// Microseconds spent loading, and running until now.
    pub(crate) fn timing(&self) -> (u64, u64) {
        let now = Instant::now();
        let started = *self.times.started.get().unwrap_or(&now);
        let loaded = *self.times.loaded.get().unwrap_or(&started);
        (micros(loaded - started), micros(now - loaded))
    }

    fn spend(&self, bytes: usize) -> bool {
        let mut flow = lock(&self.flow);
        flow.credit = flow.credit.saturating_sub_unsigned(bytes);
        flow.credit > 0
    }

    /// Waits until the reader can take more, or has gone: `false`.
    pub(crate) fn wait_for_credit(&self) -> bool {
        let mut flow = lock(&self.flow);
        while flow.credit <= 0 && !self.is_cancelled() {
            flow = self.credited.wait(flow).unwrap_or_else(std::sync::PoisonError::into_inner);
        }
        !self.is_cancelled()
    }

    /// Adds a chunk of any size to the link, in pieces; `false` once there is no credit left.
    pub(crate) fn push_chunk(&self, chunk: &[u8]) -> bool {
        for piece in chunk.chunks(CHUNK) {
            self.link.push(Kind::Chunk, self.id, piece);
        }
        self.spend(chunk.len())
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
