//! The connections of clients: how many there are, and a word in the log when there can be no more.

use std::any::Any;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use actix_web::dev::Extensions;

/// How often the log says that there are too many connections, at the most.
const SAY_AGAIN: Duration = Duration::from_secs(60);

/// Counts connections. Those beyond the limit are not accepted, but wait until another one closes,
/// as they do with nginx and hyper behind a limit.
#[derive(Debug)]
pub(crate) struct Connections {
    limit: usize,
    open: AtomicUsize,
    accepted: AtomicU64,
    last_said: Mutex<Option<Instant>>,
}

/// A connection that is open. Kept with what belongs to it.
#[derive(Debug)]
struct Open(Arc<Connections>);

impl Connections {
    /// At the most so many at a time, over all threads of the front.
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        let (open, accepted, last_said) = Default::default();
        Arc::new(Self { limit, open, accepted, last_said })
    }

    /// Counts a connection for as long as its data is kept.
    pub(crate) fn connected(self: &Arc<Self>, _socket: &dyn Any, data: &mut Extensions) {
        self.accepted.fetch_add(1, Ordering::Relaxed);
        if self.open.fetch_add(1, Ordering::Relaxed) + 1 >= self.limit && self.is_time_to_say() {
            let limit = self.limit;
            tracing::warn!("all {limit} connections are taken, others wait; see --max-connections");
        }
        data.insert(Open(self.clone()));
    }

    pub(super) fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    pub(super) fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    fn is_time_to_say(&self) -> bool {
        let mut last_said = self.last_said.lock().unwrap_or_else(PoisonError::into_inner);
        let is_time = last_said.is_none_or(|at| at.elapsed() >= SAY_AGAIN);
        if is_time {
            *last_said = Some(Instant::now());
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
    fn a_connection_counts_until_its_data_is_dropped() {
        let connections = Connections::new(2);
        let mut data = Extensions::new();
        connections.connected(&(), &mut data);
        assert_eq!((connections.open(), connections.accepted()), (1, 1));
        drop(data);
        assert_eq!((connections.open(), connections.accepted()), (0, 1));
    }

    #[test]
    fn the_log_is_not_told_again_and_again() {
        let connections = Connections::new(1);
        assert!(connections.is_time_to_say());
        assert!(!connections.is_time_to_say());
    }
}
