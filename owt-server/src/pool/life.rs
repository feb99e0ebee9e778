//! The life of one worker process: whether it has to be ended, and when it is worn.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use super::exit_reason::ExitReason;
use tokio::sync::watch;

/// By how much limits differ between workers, so that not all are replaced at a time: each takes
/// the limit less a random part of this share of it.
const JITTER: f64 = 0.1;

/// When workers are replaced though nothing has happened to them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recycling {
    /// After so long a worker is replaced.
    pub max_age: Option<Duration>,
    /// After so many calls a worker is replaced.
    pub max_calls: Option<u64>,
    /// A worker that has more resident memory than this, in bytes, together with the processes that
    /// its adaptors have started, is replaced.
    pub max_rss: Option<u64>,
    /// A worker that has more than this is killed.
    pub kill_rss: Option<u64>,
    /// How long a worker that was replaced may take to finish its calls.
    pub drain: Duration,
    /// How many calls that were cancelled may still wait in a worker, before it is replaced.
    pub max_abandoned: usize,
}

impl Default for Recycling {
    fn default() -> Self {
        let drain = Duration::from_secs(300);
        let (max_age, max_calls, max_rss, kill_rss) = Default::default();
        Self { max_age, max_calls, max_rss, kill_rss, drain, max_abandoned: 16 }
    }
}

impl Recycling {
    /// The limits of one worker, a little below those that were asked for.
    pub(crate) fn with_jitter(&self) -> Self {
        Self {
            max_age: self.max_age.map(|age| age.mul_f64(1.0 - JITTER * fastrand::f64())),
            max_calls: self.max_calls.map(|calls| (calls - fastrand::u64(0..=calls / 10)).max(1)),
            ..*self
        }
    }
}

/// Why a worker is replaced though it works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Wear {
    #[error("its time is up")]
    Age,
    #[error("it has had its share of calls")]
    Calls,
    #[error("it has {} MB of memory", .resident >> 20)]
    Memory { resident: u64 },
    #[error("calls that were cancelled still wait in it: {calls}")]
    Abandoned { calls: usize },
    #[error("a call that was cancelled runs on in it")]
    Runaway,
    #[error("owt itself failed in it")]
    Fault,
}

impl Wear {
    /// Whether the worker gets no more calls from now on, even though no other one is ready yet.
    pub(crate) fn is_urgent(self) -> bool {
        matches!(self, Self::Memory { .. } | Self::Runaway | Self::Fault)
    }

    /// How many workers that were replaced before may still be finishing their calls. What is
    /// routine waits for them, because they would else pile up.
    pub(crate) fn max_leaving(self) -> usize {
        match self {
            Self::Age | Self::Calls | Self::Memory { .. } => 0,
            Self::Abandoned { .. } | Self::Runaway | Self::Fault => 3,
        }
    }
}

/// One worker process, for those who send it calls: they may find that it has to be ended.
#[derive(Debug, Default)]
pub(crate) struct Life {
    /// Why it has to be ended, once it has.
    verdict: watch::Sender<Option<ExitReason>>,
    /// Why it is to be replaced by and by, once it is.
    recycle: watch::Sender<Option<Wear>>,
    leases: watch::Sender<()>,
    /// How many calls were cancelled, or are to be abandoned, without an answer as yet.
    unanswered: watch::Sender<usize>,
    /// How many calls are abandoned in it.
    pub(crate) abandoned: AtomicUsize,
}

/// Held while a worker owes an answer: whether its interpreter still answers is not known.
#[derive(Debug)]
pub(crate) struct Unanswered(Arc<Life>);

impl Drop for Unanswered {
    fn drop(&mut self) {
        self.0.unanswered.send_modify(|count| *count -= 1);
    }
}

/// Held by each thread of the front as long as it may wait for anything of a worker.
pub(crate) type Lease = watch::Receiver<()>;

impl Life {
    /// Has the worker ended and replaced: it does not do what it is told. The first reason stays.
    pub(crate) fn condemn(&self, reason: ExitReason) {
        self.verdict.send_if_modified(|verdict| {
            let is_first = verdict.is_none();
            verdict.get_or_insert(reason);
            is_first
        });
    }

    pub(crate) fn expect_answer(self: &Arc<Self>) -> Unanswered {
        self.unanswered.send_modify(|count| *count += 1);
        Unanswered(self.clone())
    }

    /// Whether the worker owes an answer, or has to be ended: a call that comes now may be lost there.
    pub(crate) fn is_suspect(&self) -> bool {
        self.is_condemned() || *self.unanswered.borrow() > 0
    }

    pub(crate) fn is_condemned(&self) -> bool {
        self.verdict.borrow().is_some()
    }

    /// Waits until the worker owes no answer.
    pub(crate) async fn answered(&self) {
        // An error says that the worker is gone, which this is a part of.
        let _ = self.unanswered.subscribe().wait_for(|count| *count == 0).await;
    }

    /// Waits until the worker has to be ended.
    pub(crate) async fn condemned(&self) -> ExitReason {
        let mut verdict = self.verdict.subscribe();
        match verdict.wait_for(Option::is_some).await.map(|verdict| *verdict) {
            Ok(Some(reason)) => reason,
            _ => pending().await,
        }
    }

    /// Has the worker replaced gently: another one takes the calls that come, and this one finishes
    /// those that it has. The first reason stays.
    pub(crate) fn recycle(&self, reason: Wear) {
        self.recycle.send_if_modified(|first| {
            let is_first = first.is_none();
            first.get_or_insert(reason);
            is_first
        });
    }

    /// Waits until the worker is to be replaced.
    pub(crate) async fn recycled(&self) -> Wear {
        let mut recycle = self.recycle.subscribe();
        match recycle.wait_for(Option::is_some).await.map(|reason| *reason) {
            Ok(Some(reason)) => reason,
            _ => pending().await,
        }
    }

    pub(crate) fn lease(&self) -> Lease {
        self.leases.subscribe()
    }

    /// Waits until nobody waits for anything of this worker any more.
    pub(crate) async fn idle(&self) {
        self.leases.closed().await;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_worker_outlives_what_was_asked_for(age in 0.1f64..1e6, calls in 1u64..1_000_000) {
            let asked = Recycling {
                max_age: Some(Duration::from_secs_f64(age)),
                max_calls: Some(calls),
                ..Recycling::default()
            };
            let limits = asked.with_jitter();
            let least = Duration::from_secs_f64(age * (0.999 - JITTER));
            prop_assert!(limits.max_age <= asked.max_age && limits.max_age >= Some(least));
            prop_assert!(limits.max_calls <= asked.max_calls);
            prop_assert!(limits.max_calls >= Some((calls - calls / 10).max(1)));
        }
    }

    #[tokio::test]
    async fn the_first_verdict_on_a_worker_stays() {
        let life = Life::default();
        life.condemn(ExitReason::Stuck);
        life.condemn(ExitReason::Lost);
        assert_eq!(life.condemned().await, ExitReason::Stuck);
        assert_eq!(life.condemned().await, ExitReason::Stuck);
    }

    #[tokio::test]
    async fn the_first_reason_to_replace_a_worker_stays() {
        let life = Life::default();
        life.recycle(Wear::Fault);
        life.recycle(Wear::Runaway);
        assert_eq!(life.recycled().await, Wear::Fault);
    }

    #[tokio::test]
    async fn a_worker_is_idle_once_all_leases_are_given_back() {
        let life = Life::default();
        let (one, other) = (life.lease(), life.lease());
        drop(one);
        let is_idle = |life: &Life| futures_util::FutureExt::now_or_never(life.idle()).is_some();
        assert!(!is_idle(&life));
        drop(other);
        assert!(is_idle(&life));
    }
}
