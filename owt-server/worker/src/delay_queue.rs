//! Values that become due some time after they were added.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

pub(super) struct DelayQueue<T> {
    delay: Duration,
    entries: Mutex<Vec<(Instant, T)>>,
}

impl<T> DelayQueue<T> {
    pub(super) fn new(delay: Duration) -> Self {
        Self { delay, entries: Mutex::default() }
    }

    pub(super) fn push(&self, value: T) {
        self.entries.lock().push((Instant::now() + self.delay, value));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.lock().is_empty()
    }

    /// Removes the values that are due.
    pub(super) fn pop_due(&self) -> Vec<T> {
        let mut entries = self.entries.lock();
        if entries.is_empty() {
            return Vec::new();
        }
        let now = Instant::now();
        entries.extract_if(.., |(due, _)| *due <= now).map(|(_, value)| value).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stay_until_they_are_due() {
        let hour = Duration::from_secs(60 * 60);
        let (soon, late) = (DelayQueue::new(Duration::ZERO), DelayQueue::new(hour));
        for queue in [&soon, &late] {
            (1..3).for_each(|value| queue.push(value));
        }
        assert_eq!((soon.pop_due(), soon.is_empty()), (vec![1, 2], true));
        assert_eq!((late.pop_due(), late.is_empty()), (vec![], false));
    }
}
