//! What is known of a call while it is at a worker, apart from its frames.

use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use owt_core::{Call, CallGuard, CallInfo, CallState, Digest, FileName, KeepAlive};

use super::reported::Reported;

#[derive(Debug)]
pub(super) struct CallContext {
    pub(super) id: String,
    pub(super) digest: Digest,
    method: String,
    path: String,
    remote_addr: String,
    began: Instant,
    pool: Arc<str>,
    pub(super) file_name: Option<FileName>,
    pub(super) keep_alive: Option<KeepAlive>,
    /// Shared by all attempts to send the call.
    pub(super) reported: Rc<Reported>,
    guard: RefCell<CallGuard>,
}

impl CallContext {
    pub(super) fn new(
        call: &Call,
        pool: Arc<str>,
        (guard, reported): (CallGuard, Rc<Reported>),
        began: Instant,
    ) -> Self {
        let request = &call.request;
        Self {
            id: request.id.clone(),
            digest: call.code.digest(),
            method: request.method.clone(),
            path: request.path.clone(),
            remote_addr: request.remote_addr.clone(),
            began,
            pool,
            file_name: call.file_name.clone(),
            keep_alive: call.keep_alive,
            reported,
            guard: RefCell::new(guard),
        }
    }

    /// Holds something else until the guard is released.
    pub(super) fn hold(&self, value: impl Any) {
        let guard = self.guard.take();
        self.guard.replace(CallGuard::new((guard, value)));
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
            pool: self.pool.clone(),
            state,
            age: self.began.elapsed().as_secs_f64(),
            progress: self.reported.last(),
        }
    }
}
