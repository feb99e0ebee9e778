//! The threads of a worker: they lead, run what the leader leaves to them, or are idle.
//!
//! Python's `threading` starts those that run Python, so it knows them, and they have its stack.

use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::thread;

use parking_lot::Mutex;
use pyo3::prelude::*;

use super::call::Call;
use super::engine::Engine;
use super::python;
use super::scheduler::{Job, Scheduler, Work};

impl Engine {
    /// Starts the first leader, the monitor, and the thread that starts more threads on `requests`.
    pub(super) fn start_threads(
        self: &Arc<Self>,
        py: Python<'_>,
        requests: Receiver<()>,
    ) -> PyResult<()> {
        self.scheduler.lock().request_leader();
        self.start_thread(py)?;
        let engine = self.clone();
        let requests = Mutex::new(requests);
        python::start_thread(py, "owt-starter", move |py| {
            while py.detach(|| requests.lock().recv()).is_ok() {
                // If none can be started, the next idle thread has the work.
                if let Err(err) = engine.start_thread(py) {
                    tracing::error!("cannot start a thread: {err}");
                }
            }
        })?;
        let engine = self.clone();
        thread::Builder::new().name("owt-monitor".into()).spawn(move || engine.watch())?;
        Ok(())
    }

    fn start_thread(self: &Arc<Self>, py: Python<'_>) -> PyResult<()> {
        let engine = self.clone();
        // Attached for as long as the thread lives, except while it blocks: threading.local and
        // context variables of adaptors then last as they do in any Python thread.
        python::start_thread(py, "owt-call", move |py| {
            loop {
                let job = match py.detach(|| engine.wait_for_work()) {
                    Work::Lead => engine.lead(py),
                    Work::Run(job) => Some(job),
                };
                engine.run_as_follower(py, job);
            }
        })
    }

    /// Asks for another thread, for work that no idle one will take. It is not started here: the
    /// calling thread may not wait for the GIL, or may be interrupted at any point.
    pub(super) fn request_thread(&self) {
        // The other end lives as long as the process.
        let _ = self.thread_requests.send(());
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

    /// Gives a job to an idle thread, or to a new one.
    pub(super) fn hand_off(&self, job: Job) {
        self.give_away(|scheduler| scheduler.hand_off(job));
    }

    /// Makes another thread the leader.
    pub(super) fn promote(&self) {
        self.give_away(Scheduler::request_leader);
    }

    fn give_away(&self, give: impl FnOnce(&mut Scheduler)) {
        let has_spare_thread = {
            let mut scheduler = self.scheduler.lock();
            let has_spare_thread = scheduler.has_spare_thread();
            give(&mut scheduler);
            has_spare_thread
        };
        self.work_available.notify_one();
        if !has_spare_thread {
            self.request_thread();
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

    /// Takes a slot again for a call that had one, even if none is free. A thread that the adaptor has
    /// left waiting may come here after its call: nobody would give up that slot.
    pub(super) fn reclaim_slot(&self, call: &Call) {
        let mut scheduler = self.scheduler.lock();
        if call.has_finished() {
            return;
        }
        scheduler.run_queue.resume(&call.head.digest);
        call.take_slot();
    }
}
