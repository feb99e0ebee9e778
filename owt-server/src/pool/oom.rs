//! Detects workers that the kernel's OOM killer has ended. The kernel's log is readable by root only,
//! so the counters of OOM kills are compared: some time before the exit, and after it.

use std::collections::VecDeque;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use super::exit_reason::{Certainty, ExitReason};
use parking_lot::Mutex;
use procfs::ProcError;
use procfs::process::{MountInfo, Process};
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
    /// The file with the counter of the workers' control group.
    group: Option<PathBuf>,
    /// The last samples, the oldest first; there is always one.
    samples: Mutex<VecDeque<Counts>>,
}

/// The numbers of OOM kills, as far as they can be read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Counts {
    /// In our control group.
    group: Option<u64>,
    /// On the whole machine.
    machine: Option<u64>,
}

impl Default for OomWatch {
    fn default() -> Self {
        let group = group_file();
        let samples = Mutex::new([Counts::read(group.as_deref())].into());
        Self { group, samples }
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
        let now = Counts::read(self.group.as_deref());
        keep(&mut self.samples.lock(), now);
    }

    /// The oldest sample, and the counters now.
    fn compare(&self) -> (Counts, Counts) {
        let now = Counts::read(self.group.as_deref());
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

impl Counts {
    fn read(group: Option<&Path>) -> Self {
        let group = group.and_then(|file| std::fs::read_to_string(file).ok());
        let machine = procfs::vmstat().ok().and_then(|counts| counts.get("oom_kill").copied());
        Self {
            group: group.as_deref().and_then(oom_kills),
            machine: machine.map(i64::cast_unsigned),
        }
    }
}

/// The line `oom_kill N` of `memory.events` or `memory.oom_control`.
fn oom_kills(text: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok())
}

/// The file of our control group that has the count: `memory.events` (cgroup v2) or
/// `memory.oom_control` (v1, which counts since Linux 4.13). See cgroup-v2.rst and memory.rst of the
/// kernel's documentation.
fn group_file() -> Option<PathBuf> {
    let files = || -> Result<Vec<PathBuf>, ProcError> {
        let process = Process::myself()?;
        let mounts = process.mountinfo()?.0;
        let groups = process.cgroups()?.0;
        let candidates = groups.iter().flat_map(|group| {
            let (kind, name) = match group.hierarchy {
                0 => ("cgroup2", "memory.events"),
                _ => ("cgroup", "memory.oom_control"),
            };
            let is_ours = move |mount: &&MountInfo| {
                mount.fs_type == kind
                    && group.controllers.iter().all(|one| mount.super_options.contains_key(one))
            };
            mounts.iter().filter(is_ours).map(move |mount| {
                let path = Path::new(&group.pathname);
                let below = path.strip_prefix(&mount.root).unwrap_or(Path::new(""));
                mount.mount_point.join(below.strip_prefix("/").unwrap_or(below)).join(name)
            })
        });
        Ok(candidates.collect())
    };
    let mut files = files().unwrap_or_default().into_iter();
    files.find(|file| std::fs::read_to_string(file).ok().as_deref().and_then(oom_kills).is_some())
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
        let watch =
            OomWatch { group: None, samples: Mutex::new([counts(Some(1), Some(7))].into()) };
        for _ in 1..MAX_SAMPLES {
            keep(&mut watch.samples.lock(), counts(Some(3), Some(9)));
            // The comparison is the same for each of several workers that end at once.
            assert_eq!([watch.compare().0, watch.compare().0], [counts(Some(1), Some(7)); 2]);
        }
        keep(&mut watch.samples.lock(), counts(Some(3), Some(9)));
        assert_eq!(watch.compare().0, counts(Some(3), Some(9)));
    }

    #[rstest]
    #[case("low 0\nhigh 0\nmax 4\noom 2\noom_kill 3\noom_group_kill 0\n", Some(3))]
    #[case("oom_kill_disable 0\nunder_oom 0\noom_kill 12\n", Some(12))]
    #[case("oom_kill_disable 0\nunder_oom 0\n", None)]
    #[case("oom_kill many\n", None)]
    #[case("", None)]
    fn the_count_is_found_in_both_versions_of_control_groups(
        #[case] text: &str,
        #[case] expected: Option<u64>,
    ) {
        assert_eq!(oom_kills(text), expected);
    }

    #[rstest]
    #[case(11, ExitReason::Signal(11))]
    #[case(3 << 8, ExitReason::Exit(3))]
    fn an_exit_status_tells_how_the_worker_died(#[case] status: i32, #[case] expected: ExitReason) {
        assert_eq!(OomWatch::default().exit_reason(ExitStatus::from_raw(status)), expected);
    }
}
