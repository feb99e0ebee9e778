//! The leader: one thread at a time reads calls and runs them one after the other. When one of them
//! takes long, another thread is promoted (the Leader/Followers pattern).
//!
//! Short calls never compete for the GIL, which is taken once for all calls that arrived together,
//! and slow calls never delay the others. Go's scheduler treats system calls in the same way.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use pyo3::prelude::*;

use super::engine::Engine;
use super::leadership::TIME_SLICE;
use super::scheduler::{Job, Next};

/// How long the leader runs jobs before their replies are written.
const BATCH_TIME: Duration = Duration::from_micros(200);

/// How long the monitor checks every [`TIME_SLICE`] without finding anything, before it sleeps.
const IDLE_TIMEOUT: Duration = Duration::from_millis(50);

/// How a job ended that the leader ran.
enum Ran {
    StillLeading,
    /// Another thread leads now. What this one is to run next, if anything.
    Preempted(Option<Job>),
}

impl Engine {
    /// Reads and runs calls until another thread has taken over. Returns a call that this thread is
    /// to run without the lead.
    pub(super) fn lead(self: &Arc<Self>, py: Python<'_>) -> Option<Job> {
        loop {
            py.detach(|| self.flush_and_read());
            let began = Instant::now();
            while began.elapsed() < BATCH_TIME {
                let next = self.scheduler.lock().pop();
                let job = match next {
                    Some(Next::Run(job)) => job,
                    Some(Next::HandOff(job)) => {
                        self.hand_off(job);
                        continue;
                    }
                    None => break,
                };
                if let Ran::Preempted(next) = self.run_as_leader(py, job) {
                    return next;
                }
            }
        }
    }

    /// Writes the replies of the last batch, and reads more unless there is something to run.
    fn flush_and_read(self: &Arc<Self>) {
        loop {
            self.flush_all();
            if !self.scheduler.lock().run_queue.start_reading() {
                return;
            }
            self.reader.lock().read(|command| self.execute(command));
        }
    }

    fn run_as_leader(self: &Arc<Self>, py: Python<'_>, job: Job) -> Ran {
        let call = job.start();
        self.leadership.begin_slice();
        self.monitor.wake();
        self.run_job(py, job);
        if self.leadership.end_slice() {
            self.scheduler.lock().finish(call.as_deref());
            return Ran::StillLeading;
        }
        Ran::Preempted(self.scheduler.lock().finish_and_pop(call.as_deref()))
    }

    /// Whether this thread leads: it then writes all replies at the end of its batch.
    pub(super) fn is_leading(&self) -> bool {
        self.leadership.is_own()
    }

    /// Gives up the lead, if this thread has it: it is about to block.
    pub(super) fn yield_leadership(self: &Arc<Self>) {
        if self.leadership.end_slice() {
            self.promote();
        }
    }

    /// The monitor thread: preempts a leader whose job takes long, writes what was left to it, sends
    /// reports that are due, and follows up on interrupted calls.
    pub(super) fn watch(self: &Arc<Self>) {
        let mut last_active = Instant::now();
        loop {
            thread::sleep(TIME_SLICE);
            let slice = self.leadership.slice();
            let flush_requested = self.monitor.take_flush_request() | self.send_due_reports();
            if slice.is_some() || flush_requested {
                last_active = Instant::now();
            }
            if flush_requested {
                self.flush_all();
            }
            self.unblock_due();
            if slice.is_some_and(|slice| self.leadership.preempt(slice, TIME_SLICE)) {
                // The new leader may have to wait for the GIL; replies need not.
                self.flush_all();
                self.promote();
            }
            if last_active.elapsed() > IDLE_TIMEOUT {
                self.monitor.sleep(|| {
                    self.leadership.slice().is_none()
                        && self.interrupted_calls.is_empty()
                        && self.waiting_reports.is_empty()
                });
                last_active = Instant::now();
            }
        }
    }
}
