//! What the threads of a worker are to run, and how many of them are idle.

use std::collections::VecDeque;
use std::sync::Arc;

use pyo3::prelude::*;

use super::call::Call;
use super::connection::Channel;
use super::leadership::TIME_SLICE;
use super::run_queue::RunQueue;
use super::slow_adaptors::SlowAdaptors;

/// A unit of work for a thread that holds the GIL.
pub(super) enum Job {
    Call(Arc<Call>),
    Interrupt(Arc<Call>),
    /// Ends what the threads of interrupted calls wait for.
    Unblock(Vec<Arc<Call>>),
    Abandon(Arc<Call>),
    Wake(Py<PyAny>),
    Forget(String),
    ListAdaptors(Channel),
}

impl From<Arc<Call>> for Job {
    fn from(call: Arc<Call>) -> Self {
        Job::Call(call)
    }
}

impl Job {
    /// The call that this job runs, if it does; the call then has a slot.
    pub(super) fn start(&self) -> Option<Arc<Call>> {
        let Job::Call(call) = self else { return None };
        call.take_slot();
        Some(call.clone())
    }
}

/// What an idle thread is to do.
pub(super) enum Work {
    Lead,
    Run(Job),
}

pub(super) struct Scheduler {
    pub(super) run_queue: RunQueue<Job, Arc<Call>>,
    /// Jobs for idle threads.
    handed_off: VecDeque<Job>,
    idle_threads: usize,
    /// Whether nobody leads, and an idle thread is to.
    needs_leader: bool,
    slow_adaptors: SlowAdaptors,
}

/// What the leader is to do next.
pub(super) enum Next {
    Run(Job),
    /// Leave the job to another thread, and go on.
    HandOff(Job),
}

impl Scheduler {
    /// `threads`: how many calls of one adaptor may run at a time.
    pub(super) fn new(threads: usize) -> Self {
        let run_queue = RunQueue::new(threads);
        let (handed_off, slow_adaptors) = Default::default();
        Self { run_queue, handed_off, idle_threads: 0, needs_leader: false, slow_adaptors }
    }

    /// Whether there is an idle thread for which there is no work yet.
    pub(super) fn has_spare_thread(&self) -> bool {
        self.idle_threads > self.handed_off.len() + usize::from(self.needs_leader)
    }

    /// Leaves the lead to the next idle thread.
    pub(super) fn request_leader(&mut self) {
        self.needs_leader = true;
    }

    /// Leaves a job to the next idle thread.
    pub(super) fn hand_off(&mut self, job: Job) {
        self.handed_off.push_back(job);
    }

    pub(super) fn begin_idling(&mut self) {
        self.idle_threads += 1;
    }

    /// Work for an idle thread, which is then idle no more.
    pub(super) fn take_work(&mut self) -> Option<Work> {
        let work = match std::mem::take(&mut self.needs_leader) {
            true => Work::Lead,
            false => Work::Run(self.handed_off.pop_front()?),
        };
        self.idle_threads -= 1;
        Some(work)
    }

    /// For the leader: the next job that may run.
    pub(super) fn pop(&mut self) -> Option<Next> {
        let job = self.run_queue.pop()?;
        let is_slow =
            matches!(&job, Job::Call(call) if self.slow_adaptors.contains(&call.head.digest));
        Some(if is_slow { Next::HandOff(job) } else { Next::Run(job) })
    }

    /// Counts a job as finished: this call, unless it has given up its slot, or one that was no call.
    pub(super) fn finish(&mut self, call: Option<&Call>) {
        match call {
            Some(call) if !call.finish() => {}
            call => self.run_queue.finish(call.map(|call| &call.head.digest)),
        }
    }

    /// Does the same for a thread that does not lead, and returns the next call for it.
    pub(super) fn finish_and_pop(&mut self, call: Option<&Call>) -> Option<Job> {
        if let Some(call) = call {
            self.slow_adaptors.learn(&call.head.digest, call.run_time() > TIME_SLICE);
        }
        self.finish(call);
        self.run_queue.pop_for_follower()
    }
}
