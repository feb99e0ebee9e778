//! The threads of a worker: they lead, run what the leader leaves to them, or are idle.

use std::sync::Arc;
use std::thread;

use pyo3::prelude::*;

use super::call::Call;
use super::engine::Engine;
use super::scheduler::{Job, Work};

impl Engine {
    /// Starts the first leader and the monitor. Both live as long as the process.
    pub(super) fn start(self: &Arc<Self>) {
        self.spawn_leader();
        let engine = self.clone();
        spawn("owt-monitor", move || engine.watch());
    }

    pub(super) fn spawn_leader(self: &Arc<Self>) -> bool {
        self.spawn_thread(|_| Work::Lead)
    }

    /// Starts a thread with the work that `first` finds for it.
    fn spawn_thread(
        self: &Arc<Self>,
        first: impl FnOnce(&Arc<Self>) -> Work + Send + 'static,
    ) -> bool {
        let engine = self.clone();
        spawn("owt-call", move || {
            let mut work = first(&engine);
            // Attached for as long as the thread lives, except while it blocks: threading.local and
            // context variables of adaptors then last as they do in any Python thread.
            Python::attach(|py| {
                loop {
                    let job = match work {
                        Work::Lead => engine.lead(py),
                        Work::Run(job) => Some(job),
                    };
                    engine.run_as_follower(py, job);
                    work = py.detach(|| engine.wait_for_work());
                }
            });
        })
    }

    /// Runs a job, then the calls that the leader cannot run because it is reading.
    fn run_as_follower(self: &Arc<Self>, py: Python<'_>, mut job: Option<Job>) {
        while let Some(next) = job {
            let call = next.start();
            py.detach(|| self.flush_all());
            self.run_job(py, next);
            job = self.scheduler.lock().finish_and_pop(call.as_deref());
        }
        py.detach(|| self.flush_all());
    }

    fn wait_for_work(&self) -> Work {
        let mut scheduler = self.scheduler.lock();
        scheduler.begin_idling();
        loop {
            if let Some(work) = scheduler.take_work() {
                return work;
            }
            self.work_available.wait(&mut scheduler);
        }
    }

    /// Gives a job to an idle thread, or to a new one. If none can be started, the next idle one has
    /// it.
    pub(super) fn hand_off(self: &Arc<Self>, job: Job) {
        let needs_thread = {
            let mut scheduler = self.scheduler.lock();
            let has_spare_thread = scheduler.has_spare_thread();
            scheduler.hand_off(job);
            !has_spare_thread
        };
        self.work_available.notify_one();
        if needs_thread {
            self.spawn_thread(|engine| engine.wait_for_work());
        }
    }

    /// Gives a call's slot to others; `false` if it had none.
    pub(super) fn release_slot(self: &Arc<Self>, call: &Call) -> bool {
        let mut scheduler = self.scheduler.lock();
        if !call.give_up_slot() {
            return false;
        }
        scheduler.run_queue.finish(Some(&call.head.digest));
        let next = scheduler.run_queue.pop_for_follower();
        drop(scheduler);
        next.into_iter().for_each(|job| self.hand_off(job));
        true
    }

    /// Takes a slot again for a call that had one, even if none is free.
    pub(super) fn reclaim_slot(&self, call: &Call) {
        let mut scheduler = self.scheduler.lock();
        scheduler.run_queue.resume(&call.head.digest);
        call.take_slot();
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> bool {
    let builder = thread::Builder::new().name(name.to_owned()).stack_size(stack_size());
    let spawned = builder.spawn(work);
    if let Err(err) = &spawned {
        tracing::error!("cannot start a thread: {err}");
    }
    spawned.is_ok()
}

/// The stack of a thread that runs Python, in bytes: as `ulimit -s` says, as that of Python's own threads.
/// With less, recursion through C would end the process before Python sees how deep it is.
fn stack_size() -> usize {
    const DEFAULT: u64 = 8 << 20;
    let limit = rustix::process::getrlimit(rustix::process::Resource::Stack).current;
    usize::try_from(limit.unwrap_or(DEFAULT)).unwrap_or(usize::MAX).max(1 << 20)
}
