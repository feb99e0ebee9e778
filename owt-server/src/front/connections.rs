//! The connections of clients: how many there are, and a word in the log when there can be no more.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// How often the log says that there are too many connections, at the most.
const LOG_INTERVAL: Duration = Duration::from_secs(60);

/// Counts connections. Those beyond the limit are not accepted, but wait until another one closes,
/// as they do with nginx and hyper behind a limit.
#[derive(Debug)]
pub(crate) struct Connections {
    limit: usize,
    open: AtomicUsize,
    accepted: AtomicU64,
    last_logged: Mutex<Option<Instant>>,
}

/// A connection that is open. Kept with what belongs to it.
#[derive(Debug)]
pub(super) struct Open(Arc<Connections>);

impl Connections {
    /// At the most so many at a time, over all threads of the front.
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        let (open, accepted, last_logged) = Default::default();
        Arc::new(Self { limit, open, accepted, last_logged })
    }

    /// Counts a connection for as long as what is given back is kept.
    pub(super) fn open(self: &Arc<Self>) -> Open {
        self.accepted.fetch_add(1, Ordering::Relaxed);
        if self.open.fetch_add(1, Ordering::Relaxed) + 1 >= self.limit && self.may_log() {
            let limit = self.limit;
            tracing::warn!("all {limit} connections are taken, others wait; see --max-connections");
        }
        Open(self.clone())
    }

    pub(super) fn count(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    pub(super) fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    fn may_log(&self) -> bool {
        let mut last_logged = self.last_logged.lock();
        let is_time = last_logged.is_none_or(|at| at.elapsed() >= LOG_INTERVAL);
        if is_time {
            *last_logged = Some(Instant::now());
        }
        is_time
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_counts_while_it_is_open() {
        let connections = Connections::new(2);
        let open = connections.open();
        assert_eq!((connections.count(), connections.accepted()), (1, 1));
        drop(open);
        assert_eq!((connections.count(), connections.accepted()), (0, 1));
    }

    #[test]
    fn the_log_is_not_told_again_and_again() {
        let connections = Connections::new(1);
        assert!(connections.may_log());
        assert!(!connections.may_log());
    }
}
