//! What adaptors have started, and what is there when their worker is gone: processes that have left
//! the worker's group, and those whose parents have ended, so that nobody knows where they belong.
//!
//! They are known by a mark in their environment, which processes inherit, or by their descent. One
//! that has an empty mark is to stay, as a server that `owt.main()` starts.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::time::Duration;

use procfs::process::{Process, Stat, all_processes};
use rustix::process::{Pid, PidfdFlags, Signal};

/// The environment variable that holds the mark, another one for each worker process.
pub(crate) const MARK_VARIABLE: &str = "OWT_WORKER_ID";

/// How often it is looked for processes that were started in the meantime.
const MOST_ROUNDS: usize = 100;

/// How long it is waited for a process that has no environment yet.
const PAUSE: Duration = Duration::from_millis(5);

/// Kills all processes whose mark `is_meant`, and those without a mark that descend from them or
/// from one of `roots`, or are led by one, but never the calling process. Gives back how many.
pub(crate) fn end(is_meant: impl Fn(&str) -> bool, roots: &[i32]) -> usize {
    let mut ended = HashSet::new();
    for _ in 0..MOST_ROUNDS {
        let (early, found): (Vec<_>, Vec<_>) =
            find(&is_meant, roots).into_iter().partition(|found| found.mark == Mark::Early);
        let fresh: Vec<_> =
            found.into_iter().filter(|found| ended.insert(found.identity)).collect();
        match (fresh.is_empty(), early.is_empty()) {
            (true, true) => break,
            (true, false) => std::thread::sleep(PAUSE),
            (false, _) => fresh.iter().for_each(|found| found.identity.kill()),
        }
    }
    ended.len()
}

/// A process, and when it began, in which it differs from any other that has its number later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Identity {
    pid: i32,
    began: u64,
}

impl Identity {
    /// None for one that has ended, a zombie included.
    fn of(process: &Process) -> Option<(Self, Stat)> {
        let stat = process.stat().ok().filter(|stat| stat.state != 'Z')?;
        Some((Self { pid: stat.pid, began: stat.starttime }, stat))
    }

    fn kill(self) {
        let Some(pid) = Pid::from_raw(self.pid) else { return };
        let Ok(handle) = rustix::process::pidfd_open(pid, PidfdFlags::empty()) else { return };
        // From here on, the number is this process's or nobody's.
        let now = Process::new(self.pid).ok().and_then(|process| Self::of(&process));
        if now.is_some_and(|(now, _)| now == self) {
            let _ = rustix::process::pidfd_send_signal(handle, Signal::KILL);
        }
    }
}

/// What is known of whose a process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    Meant,
    /// Somebody else's, or one that is to stay.
    Other,
    /// It has an environment of its own.
    Missing,
    /// It is about to execute another program, or may not be looked at.
    Early,
}

impl Mark {
    pub(crate) fn of(process: &Process, is_meant: impl Fn(&str) -> bool) -> Self {
        let read = || {
            let mut environment = process.environ().unwrap_or_default();
            environment.remove(OsStr::new(MARK_VARIABLE))?.into_string().ok()
        };
        let mark = match read() {
            // The kernel gives nothing of it as long as it does not say where it ends.
            None if process.stat().is_ok_and(|stat| stat.env_end == Some(0)) => return Mark::Early,
            None => read(),
            mark => mark,
        };
        match mark {
            None => Mark::Missing,
            Some(mark) if is_meant(&mark) => Mark::Meant,
            Some(_) => Mark::Other,
        }
    }
}

fn find(is_meant: impl Fn(&str) -> bool, roots: &[i32]) -> Vec<Candidate> {
    let mut rest = candidates(is_meant);
    let mut family: HashSet<i32> = roots.iter().copied().collect();
    let mut found = Vec::new();
    loop {
        let (more, others): (Vec<_>, Vec<_>) =
            rest.into_iter().partition(|candidate| candidate.is_of(&family));
        if more.is_empty() {
            return found;
        }
        family.extend(more.iter().map(|candidate| candidate.identity.pid));
        found.extend(more);
        rest = others;
    }
}

/// All processes but this one and those that are surely somebody else's.
fn candidates(is_meant: impl Fn(&str) -> bool) -> Vec<Candidate> {
    let this = std::process::id().cast_signed();
    let processes = all_processes().into_iter().flatten().flatten();
    let known = processes.filter(|process| process.pid != this).filter_map(|process| {
        let mark = Mark::of(&process, &is_meant);
        let (identity, stat) = Identity::of(&process)?;
        let relatives = [stat.pid, stat.ppid, stat.pgrp, stat.session];
        Some(Candidate { mark, identity, relatives })
    });
    known.filter(|candidate| candidate.mark != Mark::Other).collect()
}

struct Candidate {
    mark: Mark,
    identity: Identity,
    /// Itself, its parent, and the leaders of its group and session. Numbers of leaders are no
    /// other's as long as anybody is led.
    relatives: [i32; 4],
}

impl Candidate {
    fn is_of(&self, family: &HashSet<i32>) -> bool {
        self.mark == Mark::Meant || self.relatives.iter().any(|pid| family.contains(pid))
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::os::unix::process::ExitStatusExt;
    use std::process::{Child, Command, Stdio};

    use rstest::rstest;

    use super::*;

    /// A shell that has started another process; both wait until they are ended.
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
        let began = identity();
        assert_eq!(end(|other| other == mark, &[]), 2);
        assert_eq!(child.wait().unwrap().signal(), Some(9));
        // Killed it is, but it may be some moments before it has ended.
        while began.is_some() && identity() == began {
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
            .is_ok_and(|process| Mark::of(&process, |other| other == mark) == Mark::Meant)
        {
            std::thread::yield_now(); // The shell has forked, and not executed yet.
        }
        assert_eq!(end(|other| other == mark, &[]), 1);
        child.wait().unwrap();
        assert!(Process::new(grandchild).is_ok_and(|process| Identity::of(&process).is_some()));
        let pid = Pid::from_raw(grandchild).unwrap();
        rustix::process::kill_process(pid, Signal::KILL).unwrap();
    }
}
