//! What the dispatchers of all threads share.

use std::sync::Arc;
use std::time::Duration;

use super::admission::Admission;
use super::slots::Slots;
use crate::pool;
use crate::sources::Sources;

pub(super) struct Shared {
    pub(super) pool: Arc<pool::Shared>,
    pub(super) sources: Arc<Sources>,
    /// Of each worker.
    pub(super) admission: Vec<Admission>,
    pub(super) limits: Limits,
}

/// Limits of the calls of a pool.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    /// How many calls of one adaptor may be at a worker, running or waiting.
    pub(crate) capacity: usize,
    /// How long any call may run.
    pub(crate) timeout: Option<Duration>,
    /// How long a call that was cancelled may take to end, before its worker is ended.
    pub(crate) grace: Duration,
    /// In how many workers an adaptor may live.
    pub(crate) replicas: usize,
    /// How many calls may run in all of its workers, if that is limited.
    pub(crate) slots: Option<Arc<Slots>>,
}

impl Shared {
    pub(super) fn new(pool: Arc<pool::Shared>, sources: Arc<Sources>, limits: Limits) -> Self {
        let admission = pool.slots().map(|_| Admission::new(limits.capacity)).collect();
        Self { pool, sources, admission, limits }
    }
}
