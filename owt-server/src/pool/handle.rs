//! A handle to one worker process, for those who send it calls: to have it terminated or replaced.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use super::exit_reason::ExitReason;
use super::recycling::RecycleReason;
use tokio::sync::watch;

/// What the front and the supervisor share of one worker process.
#[derive(Debug, Default)]
pub(crate) struct WorkerHandle {
    /// Set once the worker has to be terminated.
    exit_reason: watch::Sender<Option<ExitReason>>,
    /// Set once the worker is to be replaced.
    recycle_reason: watch::Sender<Option<RecycleReason>>,
    drain_guards: watch::Sender<()>,
    /// Cancel and abandon requests that the worker has not acknowledged.
    unanswered: watch::Sender<usize>,
    /// How many of its calls are abandoned.
    pub(crate) abandoned: AtomicUsize,
}

/// Held until the worker acknowledges a request. Until then, its interpreter may be blocked.
#[derive(Debug)]
pub(crate) struct Unanswered(Arc<WorkerHandle>);

impl Drop for Unanswered {
    fn drop(&mut self) {
        self.0.unanswered.send_modify(|count| *count -= 1);
    }
}

/// Held by each thread of the front while it has calls at the worker, or may send it more.
pub(crate) type DrainGuard = watch::Receiver<()>;

impl WorkerHandle {
    /// Has the worker killed and replaced. The first reason stays.
    pub(crate) fn terminate(&self, reason: ExitReason) {
        self.exit_reason.send_if_modified(|exit_reason| {
            let is_first = exit_reason.is_none();
            exit_reason.get_or_insert(reason);
            is_first
        });
    }

    /// Registers a request that the worker has to acknowledge.
    pub(crate) fn expect_answer(self: &Arc<Self>) -> Unanswered {
        self.unanswered.send_modify(|count| *count += 1);
        Unanswered(self.clone())
    }

    /// Whether the worker may be blocked, or is being terminated: a call sent now could be lost.
    pub(crate) fn is_suspect(&self) -> bool {
        self.is_terminating() || *self.unanswered.borrow() > 0
    }

    pub(crate) fn is_terminating(&self) -> bool {
        self.exit_reason.borrow().is_some()
    }

    /// Waits until the worker has acknowledged all requests.
    pub(crate) async fn answered(&self) {
        // It cannot fail: `self` holds the sender.
        let _ = self.unanswered.subscribe().wait_for(|count| *count == 0).await;
    }

    /// Waits until the worker has to be terminated, and returns why.
    pub(crate) async fn termination(&self) -> ExitReason {
        let mut exit_reason = self.exit_reason.subscribe();
        match exit_reason.wait_for(Option::is_some).await.map(|exit_reason| *exit_reason) {
            Ok(Some(reason)) => reason,
            _ => pending().await,
        }
    }

    /// Has the worker replaced gracefully: new calls go to another one, and this one finishes its own.
    /// The first reason stays.
    pub(crate) fn recycle(&self, reason: RecycleReason) {
        self.recycle_reason.send_if_modified(|first| {
            let is_first = first.is_none();
            first.get_or_insert(reason);
            is_first
        });
    }

    /// Waits until the worker is to be replaced.
    pub(crate) async fn recycled(&self) -> RecycleReason {
        let mut reason = self.recycle_reason.subscribe();
        match reason.wait_for(Option::is_some).await.map(|reason| *reason) {
            Ok(Some(reason)) => reason,
            _ => pending().await,
        }
    }

    /// Keeps a retired worker alive until dropped.
    pub(crate) fn drain_guard(&self) -> DrainGuard {
        self.drain_guards.subscribe()
    }

    /// Waits until all drain guards are dropped.
    pub(crate) async fn drained(&self) {
        self.drain_guards.closed().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_reason_to_terminate_a_worker_stays() {
        let handle = WorkerHandle::default();
        handle.terminate(ExitReason::Stuck);
        handle.terminate(ExitReason::Lost);
        assert_eq!(handle.termination().await, ExitReason::Stuck);
        assert_eq!(handle.termination().await, ExitReason::Stuck);
    }

    #[tokio::test]
    async fn the_first_reason_to_replace_a_worker_stays() {
        let handle = WorkerHandle::default();
        handle.recycle(RecycleReason::Fault);
        handle.recycle(RecycleReason::Runaway);
        assert_eq!(handle.recycled().await, RecycleReason::Fault);
    }

    #[tokio::test]
    async fn a_worker_is_drained_once_all_guards_are_dropped() {
        let handle = WorkerHandle::default();
        let (one, other) = (handle.drain_guard(), handle.drain_guard());
        drop(one);
        let is_drained = |handle: &WorkerHandle| {
            futures_util::FutureExt::now_or_never(handle.drained()).is_some()
        };
        assert!(!is_drained(&handle));
        drop(other);
        assert!(is_drained(&handle));
    }
}
