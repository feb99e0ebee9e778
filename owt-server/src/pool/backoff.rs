//! How long to wait before a worker is started or replaced again.

use std::time::Duration;

use super::availability::MAX_FAILED_STARTS;

/// The pause after the first failed start, and after a worker that ended early.
const MIN_PAUSE: Duration = Duration::from_millis(50);

const MAX_PAUSE: Duration = Duration::from_secs(5);

/// A worker that ends at this age or later is replaced without a pause.
const HEALTHY_AGE: Duration = Duration::from_secs(1);

/// A worker that reaches its memory limit before this age is taken to need that much.
const EARLY_AGE: Duration = Duration::from_secs(60);

const MIN_MEMORY_BACKOFF: Duration = Duration::from_secs(1);
const MAX_MEMORY_BACKOFF: Duration = Duration::from_secs(300);

/// The pause after one more failed start.
pub(super) fn next_pause(pause: Duration) -> Duration {
    (pause * 2).clamp(MIN_PAUSE, MAX_PAUSE)
}

/// The workers of a slot that ended as soon as they were ready, one after the other.
#[derive(Debug, Default)]
pub(super) struct EarlyExits {
    /// Those that no call had used: it is their Python that ends them.
    unused: u32,
    pause: Duration,
}

impl EarlyExits {
    /// The pause before a worker that ended at this age is replaced. One call may kill several workers
    /// in a row; other calls should not wait long for that, so it grows only without calls.
    pub(super) fn pause_after_exit(&mut self, age: Duration, is_used: bool) -> Duration {
        let is_early = age < HEALTHY_AGE;
        if !is_early || is_used {
            *self = Self::default();
            return if is_early { MIN_PAUSE } else { Duration::ZERO };
        }
        self.unused += 1;
        self.pause = next_pause(self.pause);
        self.pause
    }

    /// Whether they are so many that calls should not wait for the next one.
    pub(super) fn are_an_outage(&self) -> bool {
        self.unused >= MAX_FAILED_STARTS
    }
}

/// For how long the next worker may exceed its memory limit, after one that was replaced for that at
/// this age. An adaptor with a large model exceeds it each time, and replacing does not help.
pub(super) fn next_memory_backoff(backoff: Duration, age: Duration) -> Duration {
    match age < backoff.max(EARLY_AGE) + EARLY_AGE {
        true => (backoff * 2).clamp(MIN_MEMORY_BACKOFF, MAX_MEMORY_BACKOFF),
        false => Duration::ZERO,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_between_failed_starts_doubles_up_to_a_limit() {
        let pauses = std::iter::successors(Some(Duration::ZERO), |pause| Some(next_pause(*pause)));
        let pauses: Vec<_> = pauses.take(9).map(|pause| pause.as_millis()).collect();
        assert_eq!(pauses, [0, 50, 100, 200, 400, 800, 1600, 3200, 5000]);
    }

    #[test]
    fn workers_that_end_unused_as_soon_as_they_are_ready_are_started_less_and_less_often() {
        let (mut exits, early) = (EarlyExits::default(), HEALTHY_AGE / 2);
        let pauses: Vec<_> = (0..9)
            .map(|_| {
                let pause = exits.pause_after_exit(early, false).as_millis();
                (pause, exits.are_an_outage())
            })
            .collect();
        let expected = [
            (50, false),
            (100, false),
            (200, true),
            (400, true),
            (800, true),
            (1600, true),
            (3200, true),
            (5000, true),
            (5000, true),
        ];
        assert_eq!(pauses, expected);
    }

    #[test]
    fn workers_that_end_while_they_are_used_are_replaced_at_once() {
        let (mut exits, early) = (EarlyExits::default(), HEALTHY_AGE / 2);
        for _ in 0..9 {
            assert_eq!(exits.pause_after_exit(early, true), MIN_PAUSE);
            assert_eq!(exits.pause_after_exit(HEALTHY_AGE, false), Duration::ZERO);
            assert!(!exits.are_an_outage());
        }
    }

    #[test]
    fn a_worker_that_always_needs_more_memory_is_replaced_less_and_less_often() {
        let backoffs = std::iter::successors(Some(Duration::ZERO), |backoff| {
            Some(next_memory_backoff(*backoff, *backoff + Duration::from_secs(1)))
        });
        let backoffs: Vec<_> = backoffs.take(11).map(|backoff| backoff.as_secs()).collect();
        assert_eq!(backoffs, [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300]);
    }

    #[test]
    fn a_worker_whose_memory_grew_slowly_is_replaced_at_once() {
        let hour = Duration::from_secs(3600);
        assert_eq!(next_memory_backoff(Duration::ZERO, hour), Duration::ZERO);
        assert_eq!(next_memory_backoff(MAX_MEMORY_BACKOFF, hour), Duration::ZERO);
    }
}
