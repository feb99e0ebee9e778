//! How long to wait before a worker is started or replaced again.

use std::time::Duration;

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

/// The pause before a worker that ended at this age is replaced. One call may kill several workers in
/// a row; other calls should not wait long for that, so this does not grow.
pub(super) fn pause_after_exit(age: Duration) -> Duration {
    if age < HEALTHY_AGE { MIN_PAUSE } else { Duration::ZERO }
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
