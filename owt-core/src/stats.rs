//! What an executor counts of its calls and workers, for whoever shows it as metrics.

use std::collections::BTreeMap;
use std::ops::AddAssign;
use std::sync::Arc;
use std::time::Duration;

use crate::Timing;

/// Upper bounds of the histograms' buckets in seconds: from what a small call takes to minutes.
pub const BOUNDS: [f64; 17] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
    60.0, 300.0,
];

/// All that an executor counts, at one moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Stats {
    /// Calls, since the start.
    pub calls: CallStats,
    /// The workers that there should be: pool by pool, in the order of their numbers.
    pub workers: Vec<WorkerStats>,
    /// What has become of workers since the start.
    pub events: WorkerEvents,
    /// The memory of GPUs, where that is known.
    pub gpus: Vec<GpuStats>,
    /// Other owts that run calls.
    pub members: Vec<MemberStats>,
}

/// Another owt that runs calls of a pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberStats {
    /// The pool that it belongs to.
    pub pool: Arc<str>,
    /// Its name: host and port.
    pub name: Arc<str>,
    /// Whether it takes calls.
    pub is_up: bool,
    /// Calls that are there now.
    pub calls: usize,
    /// Calls that were there when it was lost.
    pub lost: u64,
    /// Calls that it did not take, so that they went to another one.
    pub passed_on: u64,
}

/// One GPU of the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GpuStats {
    /// Its number, as its driver counts.
    pub index: u32,
    /// The memory that anybody uses, in bytes.
    pub used: u64,
    /// All of its memory, in bytes.
    pub total: u64,
}

/// Calls since the start.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CallStats {
    /// Calls that were sent to a worker.
    pub started: u64,
    /// Calls that were cancelled, by the reason.
    pub cancelled: BTreeMap<&'static str, u64>,
    /// Calls that did not end when they were cancelled, and were left alone.
    pub abandoned: u64,
    /// Time spent waiting for a worker.
    pub queue: Histogram,
    /// Time spent loading the adaptor.
    pub load: Histogram,
    /// Time that handlers ran until their reply began.
    pub run: Histogram,
    /// Bytes of replies that came from workers.
    pub reply_bytes: u64,
}

/// One worker. The process there may be another one each time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerStats {
    /// The pool that it belongs to.
    pub pool: Arc<str>,
    /// Its name within that pool: a number, or that of an environment and a number.
    pub name: String,
    /// Whether it takes calls.
    pub is_up: bool,
    /// The id of the process that takes calls now.
    pub pid: Option<u32>,
    /// Calls that are there now, running or waiting, and those that a retired worker finishes.
    pub calls: usize,
    /// Resident memory of the process that takes calls now, in bytes.
    pub resident: Option<u64>,
    /// How long that process has been ready.
    pub age: Option<Duration>,
}

/// What has become of workers since the start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WorkerEvents {
    /// Workers that became ready, the first ones included.
    pub started: u64,
    /// Starts that failed.
    pub failed_starts: u64,
    /// Workers that took the place of one that had died or was killed.
    pub respawned: u64,
    /// Workers that ended by themselves, or were ended from outside owt.
    pub died: u64,
    /// Of those: how many were ended because memory ran out, surely or probably.
    pub out_of_memory: u64,
    /// Workers that owt killed: a call could not be stopped, or memory passed its limit.
    pub killed: u64,
    /// Workers that were replaced though they worked, by the reason.
    pub recycled: BTreeMap<&'static str, u64>,
}

/// Durations, counted in buckets.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Histogram {
    /// One count for each of [`BOUNDS`], and one for what is beyond them.
    pub buckets: [u64; BOUNDS.len() + 1],
    /// The sum of all.
    pub sum: Duration,
}

impl CallStats {
    /// Counts a call that was cancelled.
    pub fn count_cancelled(&mut self, reason: &'static str) {
        *self.cancelled.entry(reason).or_default() += 1;
    }

    /// Counts where the time of a call went.
    pub fn observe(&mut self, timing: &Timing) {
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

    /// How many there are in all.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }
}

impl AddAssign<&CallStats> for CallStats {
    fn add_assign(&mut self, other: &CallStats) {
        self.started += other.started;
        for (reason, count) in &other.cancelled {
            *self.cancelled.entry(reason).or_default() += count;
        }
        self.abandoned += other.abandoned;
        self.queue += &other.queue;
        self.load += &other.load;
        self.run += &other.run;
        self.reply_bytes += other.reply_bytes;
    }
}

impl AddAssign<&Histogram> for Histogram {
    fn add_assign(&mut self, other: &Histogram) {
        self.sum += other.sum;
        self.buckets.iter_mut().zip(other.buckets).for_each(|(count, more)| *count += more);
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
        let mut one = CallStats { started: 1, reply_bytes: 5, ..CallStats::default() };
        one.count_cancelled("deadline");
        one.observe(&Timing { run: Duration::from_secs(1), ..Timing::default() });
        let mut sum = one.clone();
        sum += &one;
        assert_eq!((sum.started, sum.reply_bytes, sum.cancelled["deadline"]), (2, 10, 2));
        assert_eq!((sum.run.count(), sum.run.sum), (2, Duration::from_secs(2)));
    }
}
