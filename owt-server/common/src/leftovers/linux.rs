//! Leftovers are found by a mark in their environment, which child processes inherit, or by their
//! ancestors. A process with an empty mark is to stay, such as a server that `owt.main()` starts.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::time::Duration;

use procfs::process::{Process, Stat, all_processes};
use rustix::process::{Pid, PidfdFlags, Signal};

use super::MARK_VARIABLE;

/// How often it is checked for processes that were started in the meantime.
const MAX_ROUNDS: usize = 100;

/// How long to wait for a process whose environment cannot be read yet.
const RETRY_INTERVAL: Duration = Duration::from_millis(5);

/// Kills all processes whose mark `is_own`, and those without a mark that descend from them or from
/// one of `roots`, or are in a group or session of one, but never the calling process. Returns how many.
pub fn kill_all(is_own: impl Fn(&str) -> bool, roots: &[i32]) -> usize {
    let mut killed = HashSet::new();
    // Those whose mark could not be read. Once it can be, their relatives may have been killed.
    let mut suspects = HashSet::new();
    for _ in 0..MAX_ROUNDS {
        let (unknown, found): (Vec<_>, Vec<_>) = find(&is_own, roots, &suspects)
            .into_iter()
            .partition(|found| found.mark == Mark::Unknown);
        suspects.extend(unknown.iter().map(|found| found.identity));
        let fresh: Vec<_> =
            found.into_iter().filter(|found| killed.insert(found.identity)).collect();
        match (fresh.is_empty(), unknown.is_empty()) {
            (true, true) => break,
            (true, false) => std::thread::sleep(RETRY_INTERVAL),
            (false, _) => fresh.iter().for_each(|found| found.identity.kill()),
        }
    }
    killed.len()
}

/// A process id and its start time, by which it differs from a later process with the same id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Identity {
    pid: i32,
    start_time: u64,
}

impl Identity {
    /// `None` for a process that has ended, even if it has not been reaped.
    fn of(process: &Process) -> Option<(Self, Stat)> {
        let stat = process.stat().ok().filter(|stat| stat.state != 'Z')?;
        Some((Self { pid: stat.pid, start_time: stat.starttime }, stat))
    }

    fn kill(self) {
        let Some(pid) = Pid::from_raw(self.pid) else { return };
        let Ok(handle) = rustix::process::pidfd_open(pid, PidfdFlags::empty()) else { return };
        // If the process is the same now, it was when the handle was opened.
        let now = Process::new(self.pid).ok().and_then(|process| Self::of(&process));
        if now.is_some_and(|(now, _)| now == self) {
            let _ = rustix::process::pidfd_send_signal(handle, Signal::KILL);
        }
    }
}

/// What a process's mark says about its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    Own,
    /// Another worker's, or of a process that is to stay.
    Other,
    Missing,
    /// The environment cannot be read (yet): the process is executing another program.
    Unknown,
}

impl Mark {
    pub fn of(process: &Process, is_own: impl Fn(&str) -> bool) -> Self {
        let read = || {
            let mut environment = process.environ().unwrap_or_default();
            environment.remove(OsStr::new(MARK_VARIABLE))?.into_string().ok()
        };
        let mark = match read() {
            // During execve, the kernel shows an empty environment until it is set up.
            None if process.stat().is_ok_and(|stat| stat.env_end == Some(0)) => {
                return Mark::Unknown;
            }
            None => read(),
            mark => mark,
        };
        match mark {
            None => Mark::Missing,
            Some(mark) if is_own(&mark) => Mark::Own,
            Some(_) => Mark::Other,
        }
    }
}

fn find(
    is_own: impl Fn(&str) -> bool,
    roots: &[i32],
    suspects: &HashSet<Identity>,
) -> Vec<Candidate> {
    let mut rest = candidates(is_own);
    let mut family: HashSet<i32> = roots.iter().copied().collect();
    let mut found = Vec::new();
    loop {
        let (more, others): (Vec<_>, Vec<_>) =
            rest.into_iter().partition(|it| it.is_of(&family) || suspects.contains(&it.identity));
        if more.is_empty() {
            return found;
        }
        family.extend(more.iter().map(|candidate| candidate.identity.pid));
        found.extend(more);
        rest = others;
    }
}

/// All processes but this one and those that belong to others for certain.
fn candidates(is_own: impl Fn(&str) -> bool) -> Vec<Candidate> {
    let this = std::process::id().cast_signed();
    let processes = all_processes().into_iter().flatten().flatten();
    let known = processes.filter(|process| process.pid != this).filter_map(|process| {
        let mark = Mark::of(&process, &is_own);
        let (identity, stat) = Identity::of(&process)?;
        let relatives = [stat.pid, stat.ppid, stat.pgrp, stat.session];
        Some(Candidate { mark, identity, relatives })
    });
    known.filter(|candidate| candidate.mark != Mark::Other).collect()
}

struct Candidate {
    mark: Mark,
    identity: Identity,
    /// The ids of itself, its parent, and its group and session. The kernel does not reuse the id of
    /// a group or session that has members.
    relatives: [i32; 4],
}

impl Candidate {
    fn is_of(&self, family: &HashSet<i32>) -> bool {
        self.mark == Mark::Own || self.relatives.iter().any(|pid| family.contains(pid))
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::os::unix::process::ExitStatusExt;
    use std::process::{Child, Command, Stdio};

    use rstest::rstest;

    use super::*;

    /// A shell that has started another process; both run until they are killed.
    fn family(mark: &str, script: &str) -> (Child, i32) {
        let mut command = Command::new("sh");
        command.args(["-c", script]).env(MARK_VARIABLE, mark).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        (child, line.trim().parse().unwrap())
    }

    #[rstest]
    #[case::as_it_inherited_it("sleep 60 & echo $!; wait")]
    #[case::in_a_session_of_its_own("setsid sleep 60 & echo $!; wait")]
    #[case::without_an_environment("env -i sleep 60 & echo $!; wait")]
    fn what_a_worker_has_started_is_found(#[case] script: &str) {
        let mark = format!("test-{}", fastrand::u64(..));
        let (mut child, grandchild) = family(&mark, script);
        let identity = || Some(Identity::of(&Process::new(grandchild).ok()?)?.0);
        let before = identity();
        assert_eq!(kill_all(|other| other == mark, &[]), 2);
        assert_eq!(child.wait().unwrap().signal(), Some(9));
        // A killed process may take some moments to end.
        while before.is_some() && identity() == before {
            std::thread::yield_now();
        }
    }

    #[rstest]
    #[case::of_another("other")]
    #[case::that_is_to_stay("")]
    fn what_carries_another_mark_is_left_alone(#[case] other: &str) {
        let mark = format!("test-{}", fastrand::u64(..));
        let (mut child, grandchild) =
            family(&mark, &format!("{MARK_VARIABLE}={other} sleep 60 & echo $!; wait"));
        while Process::new(grandchild)
            .is_ok_and(|process| Mark::of(&process, |other| other == mark) == Mark::Own)
        {
            std::thread::yield_now(); // The shell has forked, and not executed yet.
        }
        assert_eq!(kill_all(|other| other == mark, &[]), 1);
        child.wait().unwrap();
        assert!(Process::new(grandchild).is_ok_and(|process| Identity::of(&process).is_some()));
        let pid = Pid::from_raw(grandchild).unwrap();
        rustix::process::kill_process(pid, Signal::KILL).unwrap();
    }
}
