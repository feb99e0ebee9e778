//! The kernel's counters of OOM kills: of our control group, and of the machine.

use std::path::{Path, PathBuf};

use procfs::ProcError;
use procfs::process::{MountInfo, Process};

use super::counts::Counts;

/// Where the counters are.
#[derive(Debug)]
pub(super) struct Counters {
    /// The file with the one of the workers' control group.
    group: Option<PathBuf>,
}

impl Counters {
    pub(super) fn find() -> Self {
        Self { group: group_file() }
    }

    pub(super) fn read(&self) -> Counts {
        let group = self.group.as_ref().and_then(|file| std::fs::read_to_string(file).ok());
        let machine = procfs::vmstat().ok().and_then(|counts| counts.get("oom_kill").copied());
        Counts {
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
}
