//! What the threads of a worker have to do, and which of them are at leisure.

use std::collections::VecDeque;
use std::sync::Arc;

use pyo3::prelude::*;

use super::agenda::Agenda;
use super::call::Call;
use super::link::Link;

/// What is to be done, and which threads are there for it.
pub(super) struct State {
    pub(super) agenda: Agenda<Job, Arc<Call>>,
    /// Jobs for threads at leisure.
    pub(super) handed: VecDeque<Job>,
    /// Threads that wait to be made leader.
    pub(super) idle: usize,
    /// Whether nobody leads, and an idle thread is to.
    pub(super) is_vacant: bool,
}

/// What a thread that holds the interpreter's lock has to do.
pub(super) enum Job {
    Call(Arc<Call>),
    Interrupt(Arc<Call>),
    Nudge(Vec<Arc<Call>>),
    Abandon(Arc<Call>),
    Wake(Py<PyAny>),
    Forget(String),
    List { link: Arc<Link>, id: u32 },
}

impl From<Arc<Call>> for Job {
    fn from(call: Arc<Call>) -> Self {
        Job::Call(call)
    }
}

impl Job {
    /// The call that this begins, if it is one; it then has a place.
    pub(super) fn begun(&self) -> Option<Arc<Call>> {
        let Job::Call(call) = self else { return None };
        call.take_place();
        Some(call.clone())
    }
}

/// What a thread at leisure is to do.
pub(super) enum Work {
    Lead,
    Help(Job),
}

impl State {
    /// Whether a thread is at leisure for which there is no work yet.
    pub(super) fn has_idle(&self) -> bool {
        self.idle > self.handed.len() + usize::from(self.is_vacant)
    }

    pub(super) fn work(&mut self) -> Option<Work> {
        if std::mem::take(&mut self.is_vacant) {
            return Some(Work::Lead);
        }
        self.handed.pop_front().map(Work::Help)
    }

    pub(super) fn new(threads: usize) -> Self {
        Self { agenda: Agenda::new(threads), handed: VecDeque::new(), idle: 0, is_vacant: false }
    }

    /// A call has ended, unless others have had its place since, or something that is no call has.
    pub(super) fn finish(&mut self, call: Option<&Call>) {
        match call {
            Some(call) if !call.leave_place() => {}
            call => self.agenda.finish(call.map(|call| &call.head.digest)),
        }
    }

    /// Does the same for a thread that does not lead, and gives it the next call if the leader would
    /// not see to it.
    pub(super) fn next_after(&mut self, call: Option<&Call>) -> Option<Job> {
        self.finish(call);
        self.agenda.next_aside()
    }
}
