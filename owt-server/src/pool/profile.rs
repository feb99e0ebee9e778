//! What the workers of one pool have in common.

use std::sync::Arc;
use std::time::Duration;

use owt_core::{DEFAULT_POOL, KeepAlive};

use super::recycling::Recycling;
use crate::gpu::GpuMask;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Profile {
    /// The pool's name.
    pub(crate) name: Arc<str>,
    pub(crate) workers: usize,
    pub(crate) recycling: Recycling,
    /// Variables of their environment.
    pub(crate) variables: Vec<(String, String)>,
    pub(crate) gpus: GpuMask,
    pub(crate) nice: Option<i32>,
    /// After how long without a call a worker is replaced by an empty one.
    pub(crate) idle: Option<Duration>,
}

impl Profile {
    /// That of a pool of which nothing was said.
    pub(crate) fn plain(workers: usize, recycling: Recycling) -> Self {
        Self {
            name: DEFAULT_POOL.into(),
            workers,
            recycling,
            variables: Vec::new(),
            gpus: GpuMask::All,
            nice: None,
            idle: None,
        }
    }

    /// How long an adaptor stays loaded without a call, if its callers do not say.
    pub(super) fn keep_alive(&self) -> KeepAlive {
        self.idle.map_or(KeepAlive::Always, KeepAlive::For)
    }
}
