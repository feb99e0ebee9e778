//! How long it pays to wait awake: to sleep and be woken takes longer than a short call does.
//!
//! Who waits awake for as long as a sleep would cost, and sleeps only then, never spends more than twice
//! what the best choice would have: A. R. Karlin, K. Li, M. S. Manasse and S. Owicki, "Empirical studies
//! of competitive spinning for a shared-memory multiprocessor" (SOSP 1991). And who has waited awake in
//! vain does so less often.

use std::sync::LazyLock;
use std::time::{Duration, Instant};
use std::{hint, thread};

/// As long as a virtual processor stays awake before it sleeps (`guest_halt_poll_ns` of Linux). On one,
/// each wake-up of a thread costs some 50 µs, and a call has two of them.
const WAKE_UP: Duration = Duration::from_micros(200);

/// Hints to the processor between two looks, about a microsecond of them.
const RELAX: u32 = 32;

/// Of so many waits in a row that are in vain, the last is awake; a power of two.
const MAX_INTERVAL: u32 = 64;

/// Decides for each wait of one thread whether it is awake.
pub struct Spin {
    /// One wait of so many is awake; 0: none ever.
    interval: u32,
    /// Waits since one was awake.
    asleep: u32,
}

impl Default for Spin {
    /// Where there is one processor, nothing can come while somebody waits awake.
    fn default() -> Self {
        // To count them, files are read.
        static PROCESSORS: LazyLock<usize> =
            LazyLock::new(|| thread::available_parallelism().map_or(1, usize::from));
        Self::new(*PROCESSORS)
    }
}

impl Spin {
    fn new(processors: usize) -> Self {
        Self { interval: u32::from(processors > 1), asleep: 0 }
    }

    /// Until when to wait awake, unless this wait is better slept through.
    pub fn deadline(&mut self) -> Option<Instant> {
        self.asleep += 1;
        if self.asleep < self.interval || self.interval == 0 {
            return None;
        }
        self.asleep = 0;
        Some(Instant::now() + WAKE_UP)
    }

    /// Lets others have the processor for a moment: the thread that shares its core, and whoever waits for
    /// this very one.
    pub fn relax() {
        (0..RELAX).for_each(|_| hint::spin_loop());
        thread::yield_now();
    }

    /// Learns whether what was waited for has come, which pays only before the deadline: on a busy machine,
    /// who gives way to others is back late, and would have been woken sooner.
    pub fn learn(&mut self, deadline: Instant, has_come: bool) {
        let has_paid = has_come && Instant::now() < deadline;
        let next = if has_paid { self.interval / 2 } else { self.interval * 2 };
        self.interval = next.clamp(1, MAX_INTERVAL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of `waits` are awake, if each of those ends as it is told.
    fn awake(spin: &mut Spin, waits: u32, has_come: bool) -> u32 {
        let never = Instant::now() + Duration::from_secs(3600);
        let one = |_: &u32| spin.deadline().map(|_| spin.learn(never, has_come)).is_some();
        u32::try_from((0..waits).filter(one).count()).unwrap()
    }

    #[test]
    fn while_it_pays_each_wait_is_awake() {
        assert_eq!(awake(&mut Spin::new(2), 1000, true), 1000);
    }

    #[test]
    fn in_vain_one_wait_of_sixty_four_is_awake() {
        let mut spin = Spin::new(2);
        // The 1st, and then 2, 4, 8, 16, 32 and 64 later.
        assert_eq!(awake(&mut spin, 127, false), 7);
        assert_eq!(awake(&mut spin, 6400, false), 100);
    }

    #[test]
    fn once_it_pays_again_each_wait_is_awake_after_a_hundred_and_twenty_seven() {
        let mut spin = Spin::new(2);
        awake(&mut spin, 6400, false);
        awake(&mut spin, 127, true);
        assert_eq!(awake(&mut spin, 100, true), 100);
    }

    #[test]
    fn what_comes_too_late_has_not_paid() {
        let mut spin = Spin::new(2);
        let passed = spin.deadline().map(|_| Instant::now());
        spin.learn(passed.unwrap(), true);
        assert_eq!((spin.deadline(), spin.deadline().is_some()), (None, true));
    }

    #[test]
    fn on_one_processor_no_wait_is_awake() {
        assert_eq!(awake(&mut Spin::new(1), 1000, true), 0);
    }

    #[test]
    fn a_wait_is_awake_for_no_longer_than_a_sleep_would_cost() {
        let began = Instant::now();
        let deadline = Spin::new(2).deadline().unwrap();
        assert!(deadline >= began && deadline <= Instant::now() + WAKE_UP);
    }
}
