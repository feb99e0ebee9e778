//! Runs the jobs of a worker, with the GIL held.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyWeakrefReference};

use super::arguments;
use super::call::Call;
use super::connection::Channel;
use super::engine::Engine;
use super::py_call::PyCall;
use super::scheduler::Job;
use owt_common::wire::{Kind, ReplyHead, RunHead};

impl Engine {
    pub(super) fn run_job(self: &Arc<Self>, py: Python<'_>, job: Job) {
        let outcome = match job {
            Job::Call(call) => self.run_call_or_fail(py, &call),
            Job::Interrupt(call) | Job::Abandon(call) if !self.is_open(&call) => Ok(()),
            Job::Interrupt(call) => self.interrupt(py, &call),
            Job::Abandon(call) => self.abandon(py, &call),
            Job::Unblock(calls) => self.unblock(py, &calls),
            Job::Wake(callback) => callback.call0(py).map(drop),
            Job::Forget(digest) => self.callbacks.forget.call1(py, (digest,)).map(drop),
            Job::ListAdaptors(channel) => self.list_adaptors(py, &channel),
        };
        if let Err(err) = outcome {
            tracing::error!("owt's own Python failed: {err}");
            self.report_internal_error();
        }
    }

    fn run_call_or_fail(self: &Arc<Self>, py: Python<'_>, call: &Arc<Call>) -> PyResult<()> {
        let outcome = self.run_call(py, call);
        if let Err(err) = &outcome {
            // owt._worker answers whatever an adaptor does, so this is an error of owt's own.
            let text = format!("owt itself failed while running this call: {err}");
            call.fail("adaptor-raised", &text, None);
        }
        outcome
    }

    /// Runs a call on this thread, unless it was cancelled before.
    fn run_call(self: &Arc<Self>, py: Python<'_>, call: &Arc<Call>) -> PyResult<()> {
        if call.is_cancelled() {
            self.end_call(py, call);
            return Ok(());
        }
        call.start(py);
        // To tell the front of it gives the interpreter lock up, and the call may have been cancelled meanwhile.
        if !call.attach_thread() {
            call.shield(py, &self.callbacks.interrupted);
            self.end_call(py, call);
            return Ok(());
        }
        let handled = self.handle(py, call);
        call.shield(py, &self.callbacks.interrupted);
        let is_over = handled.and_then(|is_over| is_over.is_truthy(py));
        if !matches!(is_over, Ok(false)) {
            self.end_call(py, call);
        } else if call.is_cancelled() {
            // The interrupt may have come while the call was still on this thread.
            self.callbacks.cancel.call1(py, (call.head.run().request_id,))?;
        }
        match is_over {
            // The interrupt came too late to be raised in the adaptor: there is nothing to stop.
            Err(err) if call.is_cancelled() && self.is_interrupt(py, &err) => Ok(()),
            is_over => is_over.map(drop),
        }
    }

    /// Has Python run a call, in a context of its own: no other call sees the context variables that it sets, such
    /// as the precision of `decimal`. Whether the call is over.
    fn handle(self: &Arc<Self>, py: Python<'_>, call: &Arc<Call>) -> PyResult<Py<PyAny>> {
        let run = call.head.run();
        let seen = Bound::new(py, PyCall::new(self, call))?;
        // Weak, because what copies the context may outlive the call, and its body.
        let weak = PyWeakrefReference::new(&seen)?;
        let current = (run.request_id, self.digests.get(py, &run.digest), weak);
        let arguments = plain_arguments(py, &run);
        let context = self.callbacks.new_context.call0(py)?;
        let args = (context, &self.callbacks.handle, seen, current, run.fn_name, arguments);
        self.callbacks.run_in_context.call1(py, args)
    }

    fn is_interrupt(&self, py: Python<'_>, err: &PyErr) -> bool {
        err.is_instance(py, self.callbacks.interrupted.bind(py))
    }

    fn list_adaptors(&self, py: Python<'_>, channel: &Channel) -> PyResult<()> {
        let adaptors = self.callbacks.adaptors.call0(py)?;
        let list: String = self.callbacks.to_json.call1(py, (adaptors,))?.extract(py)?;
        let head = ReplyHead {
            status: 200,
            content_type: Some("application/json".into()),
            length: Some(list.len() as u64),
            ..ReplyHead::default()
        };
        channel.push_head(Kind::Head, &head, list.as_bytes());
        Ok(())
    }
}

/// The arguments of a call that only calls its function with them, if they are in their most frequent form.
fn plain_arguments<'py>(py: Python<'py>, run: &RunHead<'_>) -> Option<Bound<'py, PyDict>> {
    if run.endpoint.is_some() || run.describe || run.reload {
        return None;
    }
    match run.kwargs {
        Some(text) => arguments::read(py, text),
        None => Some(PyDict::new(py)),
    }
}
