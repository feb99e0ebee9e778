//! How a cancelled call is stopped: an exception is raised in its thread; if that does not raise it,
//! what the thread waits for is ended where that is safe; what still does not end is abandoned.

use std::ffi::c_ulong;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use pyo3::prelude::*;

use super::call::{Call, Thread};
use super::callbacks::Callbacks;
use super::connection::CallKey;
use super::engine::Engine;
use super::python;
use super::scheduler::Job;
use owt_common::wire::Kind;

/// How long until a call that could not be interrupted is tried again.
const RETRY_INTERVAL: Duration = Duration::from_millis(5);

/// How often the front is told that a call cannot be interrupted yet.
const DEFERRED_INTERVAL: Duration = Duration::from_millis(100);

/// How long a thread that is about to be abandoned has to raise its last interrupt.
const LAST_INTERRUPT_TIMEOUT: Duration = Duration::from_millis(100);

impl Engine {
    /// Cancels a call. One that has not started is dropped from the queue.
    pub(super) fn cancel(&self, key: CallKey) {
        let mut calls = self.calls.lock();
        let Some(call) = calls.get(&key).cloned() else {
            drop(calls);
            return self.notify_ended(key);
        };
        self.wake(call.cancel());
        let is_it = |queued: &Arc<Call>| Arc::ptr_eq(queued, &call);
        let queued = self.scheduler.lock().run_queue.remove(&call.head.digest, is_it);
        if queued.is_some() {
            calls.remove(&key);
            self.notify_ended(key);
        } else {
            self.enqueue(Job::Interrupt(call.clone()));
        }
    }

    /// Interrupts a call as soon as that is possible. Another thread leads meanwhile.
    pub(super) fn interrupt(self: &Arc<Self>, py: Python<'_>, call: &Arc<Call>) -> PyResult<()> {
        let mut last_notified: Option<Instant> = None;
        while !call.interrupt(py, &self.callbacks)? {
            if last_notified.is_none_or(|last| last.elapsed() > DEFERRED_INTERVAL) {
                last_notified = Some(Instant::now());
                call.channel().notify(Kind::Deferred);
            }
            self.yield_leadership();
            py.detach(|| {
                call.channel().flush();
                thread::sleep(RETRY_INTERVAL);
            });
        }
        // This tells the front that the interpreter still answers.
        call.channel().notify(Kind::Interrupted);
        self.interrupted_calls.push(call.clone());
        self.monitor.wake();
        Ok(())
    }

    /// Hands off the interrupted calls that are due.
    pub(super) fn unblock_due(self: &Arc<Self>) {
        let calls = self.interrupted_calls.pop_due();
        if !calls.is_empty() {
            self.scheduler.lock().run_queue.start_other();
            self.hand_off(Job::Unblock(calls));
        }
    }

    /// Ends what calls wait for that have not raised their interrupt yet.
    pub(super) fn unblock(&self, py: Python<'_>, calls: &[Arc<Call>]) -> PyResult<()> {
        let mut open = calls.iter().filter(|call| self.is_open(call));
        open.try_for_each(|call| call.unblock(py, &self.callbacks))
    }

    /// Gives up on a call that does not end: others have its slot, and the front is told whether it
    /// only waits.
    pub(super) fn abandon(self: &Arc<Self>, py: Python<'_>, call: &Arc<Call>) -> PyResult<()> {
        let is_running =
            !call.is_waiting(py, &self.callbacks)? && self.is_still_running(py, call)?;
        self.release_slot(call);
        call.channel().push(Kind::Abandoned, &[u8::from(is_running)]);
        Ok(())
    }

    /// Whether a call still executes Python, or blocks the event loop, after one more interrupt.
    fn is_still_running(self: &Arc<Self>, py: Python<'_>, call: &Call) -> PyResult<bool> {
        self.yield_leadership();
        py.detach(|| {
            call.channel().flush();
            thread::sleep(LAST_INTERRUPT_TIMEOUT);
        });
        match call.thread() {
            Some(thread) => Ok(!python::is_pending(py, thread.ident, &self.callbacks.interrupted)),
            None => Ok(call.blocked_loop(py, &self.callbacks)?.is_some()),
        }
    }
}

impl Call {
    /// Interrupts a call where it is: on its thread, or in the event loop. `false` if it must not be
    /// interrupted now.
    fn interrupt(&self, py: Python<'_>, callbacks: &Callbacks) -> PyResult<bool> {
        let Some(thread) = self.thread() else {
            callbacks.cancel.call1(py, (self.head.run().request_id,))?;
            return Ok(true);
        };
        if is_deferred(py, callbacks, thread)? {
            return Ok(false);
        }
        self.raise(py, callbacks, thread);
        Ok(true)
    }

    /// Raises the exception in a thread, unless that runs another call by now.
    fn raise(&self, py: Python<'_>, callbacks: &Callbacks, thread: Thread) {
        if self.thread() == Some(thread) {
            python::raise_in(py, thread.ident, &callbacks.interrupted);
        }
    }

    fn unblock(&self, py: Python<'_>, callbacks: &Callbacks) -> PyResult<()> {
        match self.thread() {
            Some(thread) if !python::is_pending(py, thread.ident, &callbacks.interrupted) => Ok(()),
            Some(thread) => self.unblock_thread(py, callbacks, thread),
            None => self.unblock_loop(py, callbacks).map(drop),
        }
    }

    /// Ends what a thread waits for, unless somebody else uses that too.
    fn unblock_thread(
        &self,
        py: Python<'_>,
        callbacks: &Callbacks,
        thread: Thread,
    ) -> PyResult<()> {
        let age = self.age().as_secs_f64();
        callbacks.unblock.call1(py, (thread.ident, thread.native, age)).map(drop)
    }

    /// Interrupts the event loop's thread if the call blocks it; whether it does.
    fn unblock_loop(&self, py: Python<'_>, callbacks: &Callbacks) -> PyResult<bool> {
        let Some(thread) = self.blocked_loop(py, callbacks)? else { return Ok(false) };
        python::raise_in(py, thread.ident, &callbacks.interrupted);
        self.unblock_thread(py, callbacks, thread)?;
        Ok(true)
    }

    /// The event loop's thread, if the call blocks it.
    fn blocked_loop(&self, py: Python<'_>, callbacks: &Callbacks) -> PyResult<Option<Thread>> {
        let blocked = callbacks.blocked_loop.call1(py, (self.head.run().request_id,))?;
        let thread: Option<(c_ulong, i64)> = blocked.extract(py)?;
        Ok(thread.map(|(ident, native)| Thread { ident, native }))
    }

    /// Whether a call that does not end only waits: in the event loop, where it must not be
    /// interrupted, or without holding the GIL. If not, it is interrupted once more.
    fn is_waiting(&self, py: Python<'_>, callbacks: &Callbacks) -> PyResult<bool> {
        let Some(thread) = self.thread() else {
            return self.unblock_loop(py, callbacks).map(|is_blocked| !is_blocked);
        };
        if is_deferred(py, callbacks, thread)? {
            return Ok(true);
        }
        if !python::is_pending(py, thread.ident, &callbacks.interrupted) {
            self.raise(py, callbacks, thread);
            return Ok(false);
        }
        self.unblock_thread(py, callbacks, thread)?;
        Ok(true)
    }
}

fn is_deferred(py: Python<'_>, callbacks: &Callbacks, thread: Thread) -> PyResult<bool> {
    callbacks.is_deferred.call1(py, (thread.ident,))?.is_truthy(py)
}
