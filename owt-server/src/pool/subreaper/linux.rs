//! As a child subreaper (PR_SET_CHILD_SUBREAPER(2const)), the server becomes the parent of orphans:
//! it reaps them, and kills those of a worker that has ended.

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use procfs::process::Process;
use rustix::process::{Pid, WaitOptions};
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{MissedTickBehavior, interval};

use super::super::memory::children;
use super::marks::Marks;
use owt_common::leftovers::{self, Mark};

/// How often orphans are looked for: the kernel does not notify of them.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// An orphan without a mark that is at most this old when a worker exits is taken to be its own.
const MAX_ORPHAN_AGE: Duration = Duration::from_millis(500);

#[derive(Debug)]
pub(crate) struct Subreaper {
    marks: Marks,
    /// Children that this process has started, each with a task that waits for it.
    own: Mutex<HashSet<i32>>,
    /// Whether this process had children before it became a server (by `exec owt serve`). Orphans
    /// without a mark may then be theirs, and are not killed.
    has_inherited: bool,
    /// Orphans without a mark, and when they were first seen.
    orphans: Mutex<HashMap<i32, Instant>>,
}

impl Default for Subreaper {
    fn default() -> Self {
        let has_inherited = !children(std::process::id()).is_empty();
        let (marks, own, orphans) = Default::default();
        Self { marks, own, has_inherited, orphans }
    }
}

impl Subreaper {
    /// A new mark for a worker process.
    pub(crate) fn mark(&self) -> String {
        self.marks.next()
    }

    /// Starts a child. The lock is held meanwhile, so that it is never taken for an orphan.
    pub(crate) fn spawn(&self, mut command: Command) -> io::Result<Child> {
        let mut own = self.own.lock();
        let child = command.spawn()?;
        own.extend(child.id().map(u32::cast_signed));
        Ok(child)
    }

    /// Forgets a child that has been waited for.
    pub(crate) fn remove(&self, child: Pid) {
        self.own.lock().remove(&child.as_raw_nonzero().get());
    }

    /// Kills the processes that a worker has left, and recent orphans without a mark.
    fn kill_left(&self, mark: &str) -> usize {
        self.scan();
        let orphans = self.orphans.lock().clone().into_iter();
        let orphans: Vec<_> = orphans
            .filter(|(_, since)| since.elapsed() < MAX_ORPHAN_AGE)
            .map(|(pid, _)| pid)
            .collect();
        let killed = leftovers::kill_all(|found| found == mark, &orphans);
        self.scan();
        killed
    }

    /// Kills the processes that all workers have left, and all orphans without a mark.
    fn kill_all(&self) -> usize {
        let orphans = self.find_orphans();
        let killed = leftovers::kill_all(|mark| self.marks.is_ours(mark), &orphans);
        self.scan();
        killed
    }

    /// Reaps zombies, and records orphans without a mark.
    fn scan(&self) {
        // Held to the end, so that only one thread reaps.
        let mut orphans = self.orphans.lock();
        for (pid, process) in self.others() {
            if process.stat().is_ok_and(|stat| stat.state == 'Z') {
                let _ = rustix::process::waitpid(Pid::from_raw(pid), WaitOptions::NOHANG);
            }
        }
        let (before, now) = (std::mem::take(&mut *orphans), Instant::now());
        let found = self.find_orphans().into_iter();
        *orphans = found.map(|pid| (pid, before.get(&pid).copied().unwrap_or(now))).collect();
    }

    fn find_orphans(&self) -> Vec<i32> {
        if self.has_inherited {
            return Vec::new();
        }
        let orphans = self.others().into_iter().filter(|(_, process)| {
            let is_alive = process.stat().is_ok_and(|stat| stat.state != 'Z');
            is_alive && Mark::of(process, |mark| self.marks.is_ours(mark)) == Mark::Missing
        });
        orphans.map(|(pid, _)| pid).collect()
    }

    /// Children of this process that it has not started.
    fn others(&self) -> Vec<(i32, Process)> {
        let own = self.own.lock();
        let children = children(std::process::id()).into_iter().map(u32::cast_signed);
        let others = children.filter(|pid| !own.contains(pid));
        others.filter_map(|pid| Some((pid, Process::new(pid).ok()?))).collect()
    }
}

/// Becomes a subreaper, and reaps orphans. Returns only if signals cannot be watched.
pub(crate) async fn watch(subreaper: Arc<Subreaper>) {
    if let Err(err) = rustix::process::set_child_subreaper(Some(rustix::process::getpid())) {
        tracing::debug!("processes that adaptors leave go to the system: {err}");
    }
    let Ok(mut child_signals) = signal(SignalKind::child()) else { return };
    let mut interval = interval(POLL_INTERVAL);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = child_signals.recv() => {}
            _ = interval.tick() => {}
        }
        subreaper.scan();
    }
}

/// Kills the processes that a worker has left, on a blocking thread.
pub(crate) fn kill_left(subreaper: &Arc<Subreaper>, worker: &str, mark: &str) {
    let (subreaper, worker, mark) = (subreaper.clone(), worker.to_owned(), mark.to_owned());
    tokio::task::spawn_blocking(move || match subreaper.kill_left(&mark) {
        0 => {}
        1 => tracing::info!("worker {worker}: ended 1 process that its adaptors have left"),
        many => {
            tracing::info!("worker {worker}: ended {many} processes that its adaptors have left");
        }
    });
}

/// Kills the processes that all workers have left.
pub(crate) async fn kill_all(subreaper: Arc<Subreaper>) {
    let _ = tokio::task::spawn_blocking(move || subreaper.kill_all()).await;
}
