//! Detects workers that the kernel's OOM killer has ended. The kernel's log is readable by root only,
//! so the counters of OOM kills are compared: some time before the exit, and after it. Other systems
//! have no such counters, and there it is not known why a worker got SIGKILL.

mod counts;
#[cfg(target_os = "linux")]
mod linux;

use std::collections::VecDeque;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use super::exit_reason::{Certainty, ExitReason};
use counts::Counts;
#[cfg(target_os = "linux")]
use linux::Counters;
use parking_lot::Mutex;
use tokio::time::{MissedTickBehavior, interval};

/// How often the counters are read.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// How many samples are kept. The oldest is compared with the counters after an exit, because a large
/// process takes seconds to end after it was counted.
const MAX_SAMPLES: usize = 10;

const SIGKILL: i32 = 9;

/// Samples the counters, and finds why a worker ended.
#[derive(Debug)]
pub(super) struct OomWatch {
    counters: Counters,
    /// The last samples, the oldest first; there is always one.
    samples: Mutex<VecDeque<Counts>>,
}

impl Default for OomWatch {
    fn default() -> Self {
        let counters = Counters::find();
        let samples = Mutex::new([counters.read()].into());
        Self { counters, samples }
    }
}

/// There are none on this system.
#[cfg(not(target_os = "linux"))]
#[derive(Debug)]
struct Counters;

#[cfg(not(target_os = "linux"))]
impl Counters {
    fn find() -> Self {
        Self
    }

    fn read(&self) -> Counts {
        Counts::default()
    }
}

impl OomWatch {
    /// Samples the counters at intervals. Never returns.
    pub(super) async fn watch(&self) {
        let mut interval = interval(POLL_INTERVAL);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            interval.tick().await;
            self.sample();
        }
    }

    fn sample(&self) {
        let now = self.counters.read();
        keep(&mut self.samples.lock(), now);
    }

    /// The oldest sample, and the counters now.
    fn compare(&self) -> (Counts, Counts) {
        let now = self.counters.read();
        (self.samples.lock().front().copied().unwrap_or(now), now)
    }

    /// How a worker died that nobody of ours has ended.
    pub(super) fn exit_reason(&self, status: ExitStatus) -> ExitReason {
        match (status.signal(), status.code()) {
            // The kernel counts before it sends the signal.
            (Some(SIGKILL), _) => killed(self.compare()),
            (Some(signal), _) => ExitReason::Signal(signal),
            (None, Some(code)) => ExitReason::Exit(code),
            (None, None) => ExitReason::Lost,
        }
    }
}

fn keep(samples: &mut VecDeque<Counts>, now: Counts) {
    samples.push_back(now);
    while samples.len() > MAX_SAMPLES {
        samples.pop_front();
    }
}

fn killed((before, after): (Counts, Counts)) -> ExitReason {
    let rises = |before: Option<u64>, after: Option<u64>| Some(after? > before?);
    match (rises(before.group, after.group), rises(before.machine, after.machine)) {
        (Some(true), _) => ExitReason::OutOfMemory(Certainty::Known),
        // The counter of cgroup v1 leaves out child groups, so the machine's counter may know more.
        (_, Some(true)) => ExitReason::OutOfMemory(Certainty::Likely),
        (_, Some(false)) => ExitReason::Killed,
        (_, None) => ExitReason::Signal(SIGKILL),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const fn counts(group: Option<u64>, machine: Option<u64>) -> Counts {
        Counts { group, machine }
    }

    #[rstest]
    #[case(
        counts(Some(1), Some(7)),
        counts(Some(2), Some(8)),
        ExitReason::OutOfMemory(Certainty::Known)
    )]
    #[case(
        counts(None, Some(7)),
        counts(None, Some(8)),
        ExitReason::OutOfMemory(Certainty::Likely)
    )]
    #[case(
        counts(Some(1), Some(7)),
        counts(Some(1), Some(8)),
        ExitReason::OutOfMemory(Certainty::Likely)
    )]
    #[case(counts(Some(1), Some(7)), counts(Some(1), Some(7)), ExitReason::Killed)]
    #[case(counts(None, Some(7)), counts(None, Some(7)), ExitReason::Killed)]
    #[case(counts(Some(1), None), counts(Some(1), None), ExitReason::Signal(9))]
    #[case(counts(None, None), counts(None, None), ExitReason::Signal(9))]
    fn what_the_kernel_counts_tells_why_a_worker_was_killed(
        #[case] before: Counts,
        #[case] after: Counts,
        #[case] expected: ExitReason,
    ) {
        assert_eq!(killed((before, after)), expected);
    }

    #[test]
    fn a_sample_is_kept_while_killed_processes_may_still_be_ending() {
        let samples = Mutex::new([counts(Some(1), Some(7))].into());
        let watch = OomWatch { samples, ..OomWatch::default() };
        for _ in 1..MAX_SAMPLES {
            keep(&mut watch.samples.lock(), counts(Some(3), Some(9)));
            // The comparison is the same for each of several workers that end at once.
            assert_eq!([watch.compare().0, watch.compare().0], [counts(Some(1), Some(7)); 2]);
        }
        keep(&mut watch.samples.lock(), counts(Some(3), Some(9)));
        assert_eq!(watch.compare().0, counts(Some(3), Some(9)));
    }

    #[rstest]
    #[case(11, ExitReason::Signal(11))]
    #[case(3 << 8, ExitReason::Exit(3))]
    fn an_exit_status_tells_how_the_worker_died(#[case] status: i32, #[case] expected: ExitReason) {
        assert_eq!(OomWatch::default().exit_reason(ExitStatus::from_raw(status)), expected);
    }
}
