//! One member: where it is, how it is, and what it has of our calls.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::config::MemberUrl;

/// Another owt that runs calls of a pool.
#[derive(Debug)]
pub(crate) struct Member {
    /// `host:port`, unless it may move.
    pub(super) name: Arc<str>,
    pub(super) url: MemberUrl,
    /// The name that its certificate has, and the one that it is called by.
    pub(super) host: Arc<str>,
    pub(super) weight: u32,
    /// Calls of ours that are there.
    pub(super) calls: AtomicUsize,
    /// Calls that were there when it was lost.
    pub(super) lost: AtomicU64,
    /// Calls that it did not take, so that they went to another one.
    pub(super) passed_on: AtomicU64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    condition: Condition,
    /// Its workers that take calls, and those that there should be, as it said last.
    workers: Option<(u64, u64)>,
    /// Cancelled as soon as it does not answer any more.
    silence: CancellationToken,
}

/// How a member is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Condition {
    /// It has not been asked yet.
    Untried,
    /// It takes calls.
    Up,
    /// It has said why it takes none, or refuses connections.
    Closed(Arc<str>),
    /// It does not answer, though it should; calls that are there are lost.
    Silent(Arc<str>),
}

impl Member {
    pub(super) fn new(url: MemberUrl, host: Arc<str>, weight: u32) -> Arc<Self> {
        Self::named(&url.name(), url, host, weight)
    }

    /// One whose name is not that of its address.
    pub(super) fn named(name: &str, url: MemberUrl, host: Arc<str>, weight: u32) -> Arc<Self> {
        let state = State {
            condition: Condition::Untried,
            workers: None,
            silence: CancellationToken::new(),
        };
        Arc::new(Self {
            name: name.into(),
            url,
            host,
            weight,
            calls: AtomicUsize::new(0),
            lost: AtomicU64::new(0),
            passed_on: AtomicU64::new(0),
            state: Mutex::new(state),
        })
    }

    /// Whether calls may be sent there; and why not.
    pub(super) fn is_open(&self) -> Result<(), Arc<str>> {
        match &self.state.lock().condition {
            Condition::Untried | Condition::Up => Ok(()),
            Condition::Closed(reason) | Condition::Silent(reason) => Err(reason.clone()),
        }
    }

    pub(super) fn is_untried(&self) -> bool {
        self.state.lock().condition == Condition::Untried
    }

    pub(super) fn is_up(&self) -> bool {
        self.state.lock().condition == Condition::Up
    }

    /// Cancelled when it falls silent.
    pub(super) fn silence(&self) -> CancellationToken {
        self.state.lock().silence.clone()
    }

    /// Notes how it is, and logs that if it is news.
    pub(super) fn set(&self, pool: &str, condition: Condition, workers: Option<(u64, u64)>) {
        let state = &mut *self.state.lock();
        state.workers = workers.or(state.workers);
        if state.condition == condition {
            return;
        }
        let name = &self.name;
        match &condition {
            Condition::Untried => {}
            Condition::Up => tracing::info!("pool {pool}: {name} takes calls"),
            Condition::Closed(reason) | Condition::Silent(reason) => {
                tracing::warn!("pool {pool}: {name} takes no calls: {reason}");
            }
        }
        if matches!(condition, Condition::Silent(_)) {
            std::mem::take(&mut state.silence).cancel();
        }
        state.condition = condition;
    }

    /// What `GET /_owt/pools` shows of it.
    pub(super) fn summary(&self) -> Value {
        let state = self.state.lock();
        let (word, reason) = match &state.condition {
            Condition::Untried => ("untried", None),
            Condition::Up => ("up", None),
            Condition::Closed(reason) => ("closed", Some(&**reason)),
            Condition::Silent(reason) => ("silent", Some(&**reason)),
        };
        json!({
            "name": &*self.name,
            "url": self.url.to_string(),
            "state": word,
            "reason": reason,
            "weight": self.weight,
            "calls": self.calls.load(Ordering::Relaxed),
            "lost": self.lost.load(Ordering::Relaxed),
            "passed_on": self.passed_on.load(Ordering::Relaxed),
            "workers": state.workers.map(|(alive, total)| json!({ "alive": alive, "total": total })),
        })
    }
}

/// A call that is at a member, until this is dropped.
pub(super) struct Visit(pub(super) Arc<Member>);

impl Visit {
    pub(super) fn begin(member: &Arc<Member>) -> Self {
        member.calls.fetch_add(1, Ordering::Relaxed);
        Self(member.clone())
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.0.calls.fetch_sub(1, Ordering::Relaxed);
    }
}
