//! What the front works with: what all its threads share of one server, and the executor of each.

use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::confirm::confirmations::Confirmations;
use super::counters::RequestCounters;
use super::drain::Drain;
use super::guard::Guard;
use super::request_ids::RequestIds;
use super::sent_code::SentCode;
use super::{
    Approval, Connections, Jobs, RequestLimits, Routes, RunningTools, SignedUrls, StaticFiles,
};
use crate::cache::Cache;
use crate::memory_budget::MemoryBudget;
use crate::waiting::Waiting;

/// What all threads share.
#[derive(Debug)]
pub(crate) struct AppState {
    pub(crate) guard: Guard,
    pub(crate) confirmations: Confirmations,
    pub(crate) signed_urls: SignedUrls,
    /// What code may run; any, if there is none.
    pub(crate) approval: Option<Approval>,
    /// Named endpoints.
    pub(crate) routes: Routes,
    pub(crate) limits: RequestLimits,
    /// Whether arguments are never evaluated.
    pub(crate) takes_data_only: bool,
    pub(crate) max_body: u64,
    /// What bodies may take of memory together.
    pub(crate) memory_budget: Arc<MemoryBudget>,
    /// How long a client may take to send the head of a request.
    pub(crate) head_timeout: Duration,
    /// How long a body may stand still while it is being read.
    pub(crate) body_timeout: Duration,
    /// How long an answer may stand still before nobody reads it any more.
    pub(crate) write_timeout: Duration,
    /// Where files of forms are kept as long as their calls.
    pub(crate) uploads: PathBuf,
    pub(crate) static_files: Option<StaticFiles>,
    /// Whether a browser that opens the server gets the page in which code is written.
    pub(crate) has_page: bool,
    /// Whether agents find tools that run code of their own.
    pub(crate) takes_code_from_agents: bool,
    /// Tool calls of agents.
    pub(crate) running_tools: Arc<RunningTools>,
    /// Whether each request is a line in the log.
    pub(crate) access_log: bool,
    pub(crate) cache: Arc<Cache>,
    /// Calls that wait for what others compute.
    pub(crate) joined: Waiting,
    pub(crate) jobs: Jobs,
    pub(crate) connections: Arc<Connections>,
    pub(crate) request_ids: Arc<RequestIds>,
    pub(crate) counters: RequestCounters,
    pub(crate) drain: Drain,
}

/// What one thread of the front works with.
pub(crate) struct Front<E> {
    pub(crate) state: Arc<AppState>,
    pub(crate) executor: Rc<E>,
    pub(super) sent_code: Rc<SentCode>,
}

impl<E> Front<E> {
    pub(crate) fn new(state: Arc<AppState>, executor: Rc<E>) -> Self {
        Self { state, executor, sent_code: Rc::default() }
    }
}

impl<E> Clone for Front<E> {
    fn clone(&self) -> Self {
        let Self { state, executor, sent_code } = self;
        Self { state: state.clone(), executor: executor.clone(), sent_code: sent_code.clone() }
    }
}
