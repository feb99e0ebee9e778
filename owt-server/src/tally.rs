//! What one thread of the front has counted. Nobody shares it, so that counting costs next to
//! nothing; whoever wants the sums asks each thread.

use std::collections::BTreeMap;
use std::ops::AddAssign;
use std::time::Duration;

use owt_core::Timing;

/// Upper bounds of the histograms' buckets in seconds: from what a small call takes to minutes.
pub(crate) const BOUNDS: [f64; 17] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
    60.0, 300.0,
];

/// Counts since the server started.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Tally {
    /// Requests that were answered, calls or not.
    pub(crate) requests: u64,
    /// Answers of owt's own, by the code of the error.
    pub(crate) errors: BTreeMap<&'static str, u64>,
    /// Calls that were sent to a worker.
    pub(crate) calls: u64,
    /// Calls that were ended before their time, by why.
    pub(crate) ended: BTreeMap<&'static str, u64>,
    /// Calls that did not end when they were cancelled, and were left alone.
    pub(crate) abandoned: u64,
    pub(crate) queue: Histogram,
    pub(crate) load: Histogram,
    pub(crate) run: Histogram,
    /// Bytes of replies that came from workers.
    pub(crate) reply_bytes: u64,
}

/// Durations, counted in buckets.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Histogram {
    /// One count for each of [`BOUNDS`], and one for what is beyond them.
    pub(crate) buckets: [u64; BOUNDS.len() + 1],
    pub(crate) sum: Duration,
}

impl Tally {
    pub(crate) fn failed(&mut self, code: &'static str) {
        *self.errors.entry(code).or_default() += 1;
    }

    pub(crate) fn ended(&mut self, why: &'static str) {
        *self.ended.entry(why).or_default() += 1;
    }

    pub(crate) fn timed(&mut self, timing: &Timing) {
        self.queue.observe(timing.queue);
        self.load.observe(timing.load);
        self.run.observe(timing.run);
    }
}

impl Histogram {
    fn observe(&mut self, time: Duration) {
        let seconds = time.as_secs_f64();
        self.buckets[BOUNDS.partition_point(|bound| *bound < seconds)] += 1;
        self.sum += time;
    }

    pub(crate) fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }
}

impl AddAssign<&Tally> for Tally {
    fn add_assign(&mut self, other: &Tally) {
        self.requests += other.requests;
        self.calls += other.calls;
        self.abandoned += other.abandoned;
        self.reply_bytes += other.reply_bytes;
        add_each(&mut self.errors, &other.errors);
        add_each(&mut self.ended, &other.ended);
        self.queue += &other.queue;
        self.load += &other.load;
        self.run += &other.run;
    }
}

impl AddAssign<&Histogram> for Histogram {
    fn add_assign(&mut self, other: &Histogram) {
        self.sum += other.sum;
        self.buckets.iter_mut().zip(other.buckets).for_each(|(count, more)| *count += more);
    }
}

fn add_each(counts: &mut BTreeMap<&'static str, u64>, more: &BTreeMap<&'static str, u64>) {
    for (name, count) in more {
        *counts.entry(name).or_default() += count;
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(Duration::ZERO, 0)]
    #[case(Duration::from_micros(500), 0)]
    #[case(Duration::from_micros(501), 1)]
    #[case(Duration::from_secs(300), 16)]
    #[case(Duration::from_secs(301), 17)]
    fn a_duration_is_in_the_first_bucket_that_holds_it(
        #[case] time: Duration,
        #[case] bucket: usize,
    ) {
        let mut histogram = Histogram::default();
        histogram.observe(time);
        assert_eq!((histogram.buckets[bucket], histogram.count(), histogram.sum), (1, 1, time));
    }

    #[test]
    fn the_counts_of_two_threads_are_added() {
        let mut one = Tally { requests: 2, calls: 1, reply_bytes: 5, ..Tally::default() };
        one.failed("deadline");
        one.ended("gone");
        one.timed(&Timing { run: Duration::from_secs(1), ..Timing::default() });
        let mut sum = one.clone();
        sum += &one;
        assert_eq!((sum.requests, sum.calls, sum.reply_bytes), (4, 2, 10));
        assert_eq!((sum.errors["deadline"], sum.ended["gone"]), (2, 2));
        assert_eq!((sum.run.count(), sum.run.sum), (2, Duration::from_secs(2)));
    }
}
