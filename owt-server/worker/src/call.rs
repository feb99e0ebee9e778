//! One call in a worker: what the front asked for, which thread runs it, and whether it was
//! cancelled.

use std::borrow::Cow;
use std::ffi::c_ulong;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::Mutex;
use pyo3::prelude::*;

use super::connection::{CallKey, Channel};
use super::native_id::native_id;
use super::python;
use super::reply::Reply;
use super::upload::Upload;
use owt_common::wire::{EncodedCallHead, Failure, Kind, ReplyHead};

pub(crate) struct Call {
    pub(crate) head: EncodedCallHead,
    /// The body, if all of it came with the call.
    pub(crate) body: Bytes,
    /// The body, if it arrives while the call runs.
    pub(crate) upload: Option<Upload>,
    pub(crate) reply: Reply,
    timing: Timing,
    /// The Python thread that runs the call now.
    thread: Mutex<Option<Thread>>,
    /// Whether it counts as running for its adaptor's fair share. Changes only while the scheduler
    /// is locked.
    has_slot: AtomicBool,
    /// Its slot does not come back. Changes only while the scheduler is locked.
    has_finished: AtomicBool,
    is_cancelled: AtomicBool,
}

/// A thread that runs a call, by the ids that Python and the kernel have for it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Thread {
    pub(super) ident: c_ulong,
    pub(super) native: i64,
}

impl Thread {
    fn current() -> Self {
        thread_local! {
            static CURRENT: Thread = Thread {
                ident: python::thread_id(),
                native: native_id(),
            };
        }
        CURRENT.with(|thread| *thread)
    }
}

#[derive(Default)]
struct Timing {
    started: OnceLock<Instant>,
    loaded: OnceLock<Instant>,
}

impl Call {
    pub(crate) fn new(channel: Channel, head: EncodedCallHead, body: Bytes) -> Self {
        let (body, upload) = match head.body_len {
            Some(_) => (body, None),
            None => (Bytes::new(), Some(Upload::new(body))),
        };
        Self {
            head,
            body,
            upload,
            reply: Reply::new(channel),
            timing: Timing::default(),
            thread: Mutex::default(),
            has_slot: AtomicBool::new(false),
            has_finished: AtomicBool::new(false),
            is_cancelled: AtomicBool::new(false),
        }
    }

    pub(crate) fn key(&self) -> CallKey {
        self.channel().key()
    }

    pub(super) fn channel(&self) -> &Channel {
        &self.reply.channel
    }

    /// Marks that a thread begins to run the call, and tells the front if it wants to know.
    pub(super) fn start(&self, py: Python<'_>) {
        let _ = self.timing.started.set(Instant::now());
        if self.head.tell_start {
            self.channel().notify(Kind::Started);
            py.detach(|| self.channel().flush());
        }
    }

    pub(super) fn has_started(&self) -> bool {
        self.timing.started.get().is_some()
    }

    /// Marks that the adaptor is loaded, and its function is about to be called.
    pub(crate) fn loaded(&self) {
        let _ = self.timing.loaded.set(Instant::now());
    }

    /// Time since a thread began to run the call.
    pub(super) fn age(&self) -> Duration {
        self.timing.started.get().map_or(Duration::ZERO, Instant::elapsed)
    }

    /// Time since its function was called.
    pub(super) fn run_time(&self) -> Duration {
        Duration::from_micros(self.timing().1)
    }

    /// Microseconds spent loading, and running until now.
    fn timing(&self) -> (u64, u64) {
        let now = Instant::now();
        let started = *self.timing.started.get().unwrap_or(&now);
        let loaded = *self.timing.loaded.get().unwrap_or(&started);
        (micros(loaded - started), micros(now - loaded))
    }

    /// From now on the call runs on this thread, and an interrupt is raised here; `false` if it has
    /// been cancelled before.
    pub(crate) fn attach_thread(&self) -> bool {
        *self.thread.lock() = Some(Thread::current());
        !self.is_cancelled()
    }

    /// From now on no interrupt of this call is raised on this thread. One that is pending there is
    /// cancelled; `interrupted` is the exception.
    pub(crate) fn shield(&self, py: Python<'_>, interrupted: &Py<PyAny>) {
        let current = Thread::current();
        // Another thread may have continued the call already.
        self.thread.lock().take_if(|thread| *thread == current);
        if self.is_cancelled() {
            python::clear_pending(py, current.ident, interrupted);
        }
    }

    /// The thread that runs the call now; none while it is in the event loop.
    pub(super) fn thread(&self) -> Option<Thread> {
        *self.thread.lock()
    }

    pub(super) fn take_slot(&self) {
        self.has_slot.store(true, Ordering::Relaxed);
    }

    /// Gives up the slot; `false` if there was none.
    pub(super) fn give_up_slot(&self) -> bool {
        self.has_slot.swap(false, Ordering::Relaxed)
    }

    /// Gives up the slot for good; `false` if there was none.
    pub(super) fn finish(&self) -> bool {
        self.has_finished.store(true, Ordering::Relaxed);
        self.give_up_slot()
    }

    /// Whether the slot was given up for good.
    pub(super) fn has_finished(&self) -> bool {
        self.has_finished.load(Ordering::Relaxed)
    }

    /// Marks the call as cancelled. Threads that wait for the window or the body wake up; returns the
    /// callbacks of coroutines that wait for the body.
    pub(super) fn cancel(&self) -> Vec<Py<PyAny>> {
        self.is_cancelled.store(true, Ordering::Release);
        self.reply.window.close();
        self.close_upload()
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.is_cancelled.load(Ordering::Acquire)
    }

    /// No more of the body is read; returns the callbacks of those who wait for it.
    pub(super) fn close_upload(&self) -> Vec<Py<PyAny>> {
        self.upload.as_ref().map(Upload::close).unwrap_or_default()
    }

    /// The head of a reply that begins now.
    pub(super) fn reply_head<'a>(
        &self,
        status: u16,
        content_type: Option<&'a str>,
        headers: Vec<(String, String)>,
        length: Option<usize>,
    ) -> ReplyHead<'a> {
        let (load_us, run_us) = self.timing();
        ReplyHead {
            status,
            content_type: content_type.map(Cow::from),
            headers: headers.into_iter().map(|(name, value)| (name.into(), value.into())).collect(),
            load_us,
            run_us,
            length: length.map(|len| len as u64),
        }
    }

    /// Answers with one of owt's own errors. A reply that has begun is broken off.
    pub(crate) fn fail(&self, code: &str, text: &str, log_text: Option<&str>) {
        let (load_us, run_us) = self.timing();
        let (code, text, place) = (code.into(), text.into(), log_text.map(Cow::from));
        self.reply.fail(&Failure { code, text, place, load_us, run_us });
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
