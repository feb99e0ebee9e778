//! What is known of a call while it is at a worker, apart from its frames.

use std::cell::RefCell;
use std::time::Instant;

use owt_core::{Call, CallGuard, CallInfo, CallState, Digest};

#[derive(Debug)]
pub(super) struct CallContext {
    pub(super) id: String,
    pub(super) digest: Digest,
    method: String,
    path: String,
    remote_addr: String,
    began: Instant,
    guard: RefCell<CallGuard>,
}

impl CallContext {
    pub(super) fn new(call: &Call, guard: CallGuard, began: Instant) -> Self {
        let request = &call.request;
        Self {
            id: request.id.clone(),
            digest: call.code.digest(),
            method: request.method.clone(),
            path: request.path.clone(),
            remote_addr: request.remote_addr.clone(),
            began,
            guard: RefCell::new(guard),
        }
    }

    /// Releases the guard: the call has ended or is abandoned.
    pub(super) fn release_guard(&self) {
        self.guard.take();
    }

    pub(super) fn info(&self, state: CallState) -> CallInfo {
        CallInfo {
            id: self.id.clone(),
            digest: self.digest,
            method: self.method.clone(),
            path: self.path.clone(),
            remote_addr: self.remote_addr.clone(),
            state,
            age: self.began.elapsed().as_secs_f64(),
        }
    }
}
