//! How a call that was cancelled is brought to its end: an exception is raised in its thread, then
//! what that waits for is ended where that is safe, and what still waits is left alone.

use std::ffi::c_ulong;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use pyo3::prelude::*;

use super::call::{Call, Thread};
use super::engine::{Engine, Hooks};
use super::python;
use super::work::Job;
use crate::wire::Kind;

/// After which time a call that could not be interrupted is tried again.
const RETRY: Duration = Duration::from_millis(5);

/// How often the front is told that a call still cannot be interrupted.
const PUT_OFF: Duration = Duration::from_millis(100);

/// How long a thread has to raise what it was sent before what it waits for is ended.
const NUDGE: Duration = Duration::from_millis(20);

/// How long a thread that runs Python has to raise what it was sent.
const LAST_CHANCE: Duration = Duration::from_millis(100);

/// Calls that were interrupted, and when each is to be looked at again.
#[derive(Default)]
pub(super) struct Nudges(Mutex<Vec<(Instant, Arc<Call>)>>);

impl Nudges {
    pub(super) fn push(&self, call: Arc<Call>) {
        self.0.lock().push((Instant::now() + NUDGE, call));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.lock().is_empty()
    }

    /// Takes those out whose time has come.
    pub(super) fn due(&self) -> Vec<Arc<Call>> {
        let mut nudges = self.0.lock();
        if nudges.is_empty() {
            return Vec::new();
        }
        let now = Instant::now();
        nudges.extract_if(.., |(due, _)| *due <= now).map(|(_, call)| call).collect()
    }
}

impl Engine {
    /// Stops a call that nobody waits for: one that has not begun is dropped where it is.
    pub(super) fn cancel(&self, link: usize, id: u32) {
        let mut calls = self.calls.lock();
        let Some(call) = calls.get(&(link, id)).cloned() else {
            drop(calls);
            return self.links[link].push(Kind::Ended, id, b"");
        };
        self.wake(call.cancel());
        let is_it = |queued: &Arc<Call>| Arc::ptr_eq(queued, &call);
        let queued = self.state.lock().agenda.remove(&call.head.digest, is_it);
        if queued.is_some() {
            calls.remove(&(link, id));
            call.link.push(Kind::Ended, id, b"");
        } else {
            self.enqueue(Job::Interrupt(call.clone()));
        }
    }

    /// Interrupts a call as soon as there is a moment for it, and meanwhile leaves the lead to others.
    pub(super) fn interrupt(self: &Arc<Self>, py: Python<'_>, call: &Arc<Call>) -> PyResult<()> {
        let mut told: Option<Instant> = None;
        while !call.interrupt(py, &self.hooks)? {
            if told.is_none_or(|told| told.elapsed() > PUT_OFF) {
                told = Some(Instant::now());
                call.link.push(Kind::Deferred, call.id, b"");
            }
            self.step_down();
            py.detach(|| {
                call.link.flush();
                thread::sleep(RETRY);
            });
        }
        // So much the front has to know: this interpreter answers.
        call.link.push(Kind::Interrupted, call.id, b"");
        self.nudge_later(call.clone());
        Ok(())
    }

    /// Has a call that was interrupted looked at again in a moment.
    fn nudge_later(&self, call: Arc<Call>) {
        self.nudges.push(call);
        self.monitor.rouse();
    }

    /// Hands over what is due of the calls that were interrupted.
    pub(super) fn nudge_due(self: &Arc<Self>) {
        let calls = self.nudges.due();
        if !calls.is_empty() {
            self.state.lock().agenda.begin_other();
            self.hand_over(Job::Nudge(calls));
        }
    }

    /// Ends what calls wait for that have not raised their exception yet.
    pub(super) fn nudge(&self, py: Python<'_>, calls: &[Arc<Call>]) -> PyResult<()> {
        let mut open = calls.iter().filter(|call| self.is_open(call));
        open.try_for_each(|call| call.nudge(py, &self.hooks))
    }

    /// Leaves a call alone that does not end: others have its place, and the front is told whether
    /// it only waits.
    pub(super) fn abandon(self: &Arc<Self>, py: Python<'_>, call: &Arc<Call>) -> PyResult<()> {
        let runs_on = !call.waits(py, &self.hooks)? && self.runs_on(py, call)?;
        self.release(call);
        call.link.push(Kind::Abandoned, call.id, &[u8::from(runs_on)]);
        Ok(())
    }

    /// Whether a call still takes steps in Python, or holds up the event loop, after one more
    /// exception.
    fn runs_on(self: &Arc<Self>, py: Python<'_>, call: &Call) -> PyResult<bool> {
        self.step_down();
        py.detach(|| {
            call.link.flush();
            thread::sleep(LAST_CHANCE);
        });
        match call.thread() {
            Some(thread) => {
                Ok(!python::has_yet_to_raise(py, thread.ident, &self.hooks.interrupted))
            }
            None => Ok(call.blocked_loop(py, &self.hooks)?.is_some()),
        }
    }
}

impl Call {
    /// Raises the exception in a cancelled call where it is: on its thread, or in the event loop by
    /// `cancel`. `false` if this is no moment for it.
    fn interrupt(&self, py: Python<'_>, hooks: &Hooks) -> PyResult<bool> {
        let Some(thread) = self.thread() else {
            hooks.cancel.call1(py, (&*self.head.request_id,))?;
            return Ok(true);
        };
        if self.is_deferred(py, hooks, thread)? {
            return Ok(false);
        }
        self.raise(py, hooks, thread);
        Ok(true)
    }

    fn is_deferred(&self, py: Python<'_>, hooks: &Hooks, thread: Thread) -> PyResult<bool> {
        hooks.is_deferred.call1(py, (thread.ident,))?.is_truthy(py)
    }

    /// Raises the exception in a thread, unless that has gone on to another call.
    fn raise(&self, py: Python<'_>, hooks: &Hooks, thread: Thread) {
        if self.thread() == Some(thread) {
            python::raise_in(py, thread.ident, &hooks.interrupted);
        }
    }

    fn nudge(&self, py: Python<'_>, hooks: &Hooks) -> PyResult<()> {
        match self.thread() {
            Some(thread) if !python::has_yet_to_raise(py, thread.ident, &hooks.interrupted) => {
                Ok(())
            }
            Some(thread) => self.wake(py, hooks, thread),
            None => self.unblock_loop(py, hooks).map(drop),
        }
    }

    /// Ends what a thread waits for, where nobody else has a part in it.
    fn wake(&self, py: Python<'_>, hooks: &Hooks, thread: Thread) -> PyResult<()> {
        let age = self.age().as_secs_f64();
        hooks.wake.call1(py, (thread.ident, thread.native, age)).map(drop)
    }

    /// Raises the exception in the event loop's thread, if the call holds that up; whether it does.
    fn unblock_loop(&self, py: Python<'_>, hooks: &Hooks) -> PyResult<bool> {
        let Some(thread) = self.blocked_loop(py, hooks)? else { return Ok(false) };
        python::raise_in(py, thread.ident, &hooks.interrupted);
        self.wake(py, hooks, thread)?;
        Ok(true)
    }

    /// The event loop's thread, if the call holds that up.
    fn blocked_loop(&self, py: Python<'_>, hooks: &Hooks) -> PyResult<Option<Thread>> {
        let blocked = hooks.blocked_loop.call1(py, (&*self.head.request_id,))?;
        let thread: Option<(c_ulong, i32)> = blocked.extract(py)?;
        Ok(thread.map(|(ident, native)| Thread { ident, native }))
    }

    /// Whether a call that does not end only waits: in the event loop, for an import, for somebody
    /// else who wants what it loads, or without holding the interpreter's lock.
    fn waits(&self, py: Python<'_>, hooks: &Hooks) -> PyResult<bool> {
        let Some(thread) = self.thread() else {
            return self.unblock_loop(py, hooks).map(|is_blocked| !is_blocked);
        };
        if self.is_deferred(py, hooks, thread)? {
            return Ok(true);
        }
        if !python::has_yet_to_raise(py, thread.ident, &hooks.interrupted) {
            self.raise(py, hooks, thread);
            return Ok(false);
        }
        self.wake(py, hooks, thread)?;
        Ok(true)
    }
}
