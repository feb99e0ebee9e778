//! What the front counts of requests. What becomes of calls, the executor counts.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use owt_core::Error;
use parking_lot::Mutex;

#[derive(Debug, Default)]
pub(crate) struct RequestCounters {
    answered: AtomicU64,
    /// Errors that owt answered itself, by their codes.
    errors: Mutex<BTreeMap<&'static str, u64>>,
}

impl RequestCounters {
    pub(super) fn count_answer(&self) {
        self.answered.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_error(&self, err: &Error) {
        *self.errors.lock().entry(err.code()).or_default() += 1;
    }

    /// Requests that were answered, calls or not.
    pub(super) fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    pub(super) fn errors(&self) -> BTreeMap<&'static str, u64> {
        self.errors.lock().clone()
    }
}
