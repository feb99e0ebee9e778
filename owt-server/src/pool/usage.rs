//! Which adaptors a worker has been called with, so that it can be replaced once nobody needs them: the
//! only sure way to give the memory of a GPU back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use foldhash::HashMap;
use owt_core::{Digest, KeepAlive};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::sleep_until;

/// How many adaptors are remembered; those that were used last.
const MAX_ADAPTORS: usize = 1024;

#[derive(Debug, Default)]
pub(super) struct Usage {
    state: Mutex<State>,
    /// There may be an end to wait for, or an earlier one.
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    running: usize,
    adaptors: HashMap<Digest, Used>,
    /// When whoever waits for the end looks again by itself.
    looks_at: Option<Instant>,
}

#[derive(Debug)]
struct Used {
    /// The file that it is from.
    name: Option<Arc<str>>,
    last: Instant,
    keep: KeepAlive,
}

/// An adaptor that a worker was called with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UsedAdaptor {
    pub(crate) digest: Digest,
    /// The file that it is from.
    pub(crate) name: Option<Arc<str>>,
    /// How long it has not been called.
    pub(crate) idle: Duration,
    pub(crate) keep: KeepAlive,
}

impl Usage {
    /// Another process begins, with nothing loaded.
    pub(super) fn clear(&self) {
        self.state.lock().adaptors.clear();
    }

    /// A call is sent to the worker.
    pub(super) fn begin(&self) {
        self.state.lock().running += 1;
    }

    /// A call has ended; `keep` is how long its adaptor stays without another one.
    pub(super) fn end(&self, adaptor: Digest, name: Option<&str>, keep: KeepAlive) {
        let state = &mut *self.state.lock();
        state.running -= 1;
        state.used(adaptor, name, keep);
        // Who waits is woken only to look earlier than it would, not after each call.
        if keep != KeepAlive::Always
            && let Some(end) = state.end()
            && state.looks_at.is_none_or(|time| end < time)
        {
            self.changed.notify_one();
        }
    }

    /// Waits until the time of all adaptors is over that the worker was called with.
    pub(super) async fn over(&self) {
        loop {
            let end = {
                let state = &mut *self.state.lock();
                state.looks_at = state.end();
                state.looks_at
            };
            match end {
                Some(end) if end <= Instant::now() => return,
                Some(end) => tokio::select! {
                    () = sleep_until(end.into()) => {}
                    () = self.changed.notified() => {}
                },
                None => self.changed.notified().await,
            }
        }
    }

    /// The adaptors, the one that was used last first.
    pub(super) fn adaptors(&self) -> Vec<UsedAdaptor> {
        let (state, now) = (self.state.lock(), Instant::now());
        let used = state.adaptors.iter().map(|(digest, used)| UsedAdaptor {
            digest: *digest,
            name: used.name.clone(),
            idle: now.saturating_duration_since(used.last),
            keep: used.keep,
        });
        let mut adaptors: Vec<_> = used.collect();
        adaptors.sort_by_key(|adaptor| adaptor.idle);
        adaptors
    }
}

impl State {
    fn used(&mut self, adaptor: Digest, name: Option<&str>, keep: KeepAlive) {
        let last = Instant::now();
        match self.adaptors.get_mut(&adaptor) {
            Some(used) => (used.last, used.keep) = (last, keep),
            None => {
                if self.adaptors.len() >= MAX_ADAPTORS {
                    self.forget_half();
                }
                self.adaptors.insert(adaptor, Used { name: name.map(Arc::from), last, keep });
            }
        }
    }

    /// Forgets the half that was not used for longest. A worker keeps fewer loaded than are remembered.
    fn forget_half(&mut self) {
        let mut times: Vec<_> = self.adaptors.values().map(|used| used.last).collect();
        let middle = times.len() / 2;
        let (_, middle, _) = times.select_nth_unstable(middle);
        let middle = *middle;
        self.adaptors.retain(|_, used| used.last > middle);
    }

    /// When the time of all adaptors is over; `None` while a call runs, and if one stays for ever, or there
    /// is none.
    fn end(&self) -> Option<Instant> {
        if self.running > 0 {
            return None;
        }
        let ends = self.adaptors.values().map(|used| match used.keep {
            KeepAlive::For(time) => Some(used.last + time),
            KeepAlive::Always => None,
        });
        ends.collect::<Option<Vec<_>>>()?.into_iter().max()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    const NOW: KeepAlive = KeepAlive::For(Duration::ZERO);
    const LATER: KeepAlive = KeepAlive::For(Duration::from_secs(600));

    fn called(usage: &Usage, adaptor: &str, keep: KeepAlive) {
        usage.begin();
        usage.end(Digest::of(adaptor), Some("a.py"), keep);
    }

    fn is_over(usage: &Usage) -> bool {
        usage.over().now_or_never().is_some()
    }

    #[tokio::test]
    async fn it_is_over_once_the_time_of_all_adaptors_is() {
        let usage = Usage::default();
        assert!(!is_over(&usage), "nothing has been called");
        called(&usage, "one", NOW);
        assert!(is_over(&usage));
        called(&usage, "other", LATER);
        assert!(!is_over(&usage));
        called(&usage, "other", NOW);
        assert!(is_over(&usage));
        called(&usage, "other", KeepAlive::Always);
        assert!(!is_over(&usage));
        usage.clear();
        assert!(!is_over(&usage), "the next process has nothing loaded");
    }

    #[tokio::test]
    async fn it_is_not_over_while_a_call_runs() {
        let usage = Usage::default();
        called(&usage, "one", NOW);
        usage.begin();
        assert!(!is_over(&usage));
        usage.end(Digest::of("one"), None, NOW);
        assert!(is_over(&usage));
    }

    #[tokio::test]
    async fn who_waits_hears_of_an_earlier_end() {
        let usage = Usage::default();
        called(&usage, "one", LATER);
        let mut over = std::pin::pin!(usage.over());
        assert!(over.as_mut().now_or_never().is_none());
        called(&usage, "one", NOW);
        over.await;
    }

    #[test]
    fn of_many_adaptors_the_last_ones_are_remembered() {
        let usage = Usage::default();
        for number in 0..=MAX_ADAPTORS {
            called(&usage, &number.to_string(), LATER);
        }
        let adaptors = usage.adaptors();
        assert!(adaptors.len() <= MAX_ADAPTORS / 2 + 1);
        assert_eq!(adaptors[0].digest, Digest::of(&MAX_ADAPTORS.to_string()));
        assert_eq!(adaptors[0].name.as_deref(), Some("a.py"));
    }
}
