//! The processes whose parent this one has become, since their own has ended: a child subreaper, as
//! PID 1 is (PR_SET_CHILD_SUBREAPER(2const)). Zombies among them are reaped, and what a worker has
//! left is ended.

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use procfs::process::Process;
use rustix::process::{Pid, WaitOptions};
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{MissedTickBehavior, interval};

use super::memory::children;
use crate::leftovers::{self, Mark};

/// How often it is looked for what has been adopted: of that, the system tells nothing.
const LOOK: Duration = Duration::from_secs(1);

/// How soon after a worker's end it is known here.
const JUST_NOW: Duration = Duration::from_millis(500);

#[derive(Debug)]
pub(super) struct Adopted {
    /// With what the marks of all workers of this server begin.
    server: String,
    started: AtomicU64,
    /// Our own children: somebody waits for each of them already.
    own: Mutex<HashSet<i32>>,
    /// Whether this process had children before it was a server, as a script has that ends with
    /// `exec owt serve`. What has no mark may then come from them, and is not ended.
    has_inherited: bool,
    /// Those that were adopted and have no mark, so that nobody knows whose they are, and since when.
    strays: Mutex<HashMap<i32, Instant>>,
}

impl Default for Adopted {
    fn default() -> Self {
        let server = format!("{:016x}", fastrand::u64(..));
        let has_inherited = !children(std::process::id()).is_empty();
        let (started, own, strays) = Default::default();
        Self { server, started, own, has_inherited, strays }
    }
}

impl Adopted {
    /// The mark for one more worker process.
    pub(super) fn mark(&self) -> String {
        format!("{}.{}", self.server, self.started.fetch_add(1, Ordering::Relaxed))
    }

    /// Starts a child that is not to be taken for an adopted one, at no moment.
    pub(super) fn spawn(&self, mut command: Command) -> io::Result<Child> {
        let mut own = self.own.lock();
        let child = command.spawn()?;
        own.extend(child.id().map(u32::cast_signed));
        Ok(child)
    }

    /// Forgets a child that somebody has waited for, or nobody will.
    pub(super) fn remove(&self, child: Pid) {
        self.own.lock().remove(&child.as_raw_nonzero().get());
    }

    /// Ends what is left of a worker that has just ended. Without a mark, what was adopted only now
    /// is taken to come from it.
    fn end_rest(&self, mark: &str) -> usize {
        self.look();
        let strays = self.strays.lock().clone().into_iter();
        let strays: Vec<_> =
            strays.filter(|(_, since)| since.elapsed() < JUST_NOW).map(|(pid, _)| pid).collect();
        let ended = leftovers::kill_all(|found| found == mark, &strays);
        self.look();
        ended
    }

    /// Ends what is left of all workers, and what was adopted from whom nobody knows.
    fn end_all(&self) -> usize {
        let strays = self.find_strays();
        let ended = leftovers::kill_all(|mark| self.is_ours(mark), &strays);
        self.look();
        ended
    }

    fn is_ours(&self, mark: &str) -> bool {
        mark.strip_prefix(&*self.server).is_some_and(|rest| rest.starts_with('.'))
    }

    /// Reaps what has ended, and remembers what has not.
    fn look(&self) {
        // Held all the while: one thread at a time reaps.
        let mut strays = self.strays.lock();
        for (pid, process) in self.others() {
            if process.stat().is_ok_and(|stat| stat.state == 'Z') {
                let _ = rustix::process::waitpid(Pid::from_raw(pid), WaitOptions::NOHANG);
            }
        }
        let (before, now) = (std::mem::take(&mut *strays), Instant::now());
        let found = self.find_strays().into_iter();
        *strays = found.map(|pid| (pid, before.get(&pid).copied().unwrap_or(now))).collect();
    }

    fn find_strays(&self) -> Vec<i32> {
        if self.has_inherited {
            return Vec::new();
        }
        let strays = self.others().into_iter().filter(|(_, process)| {
            let is_alive = process.stat().is_ok_and(|stat| stat.state != 'Z');
            is_alive && Mark::of(process, |mark| self.is_ours(mark)) == Mark::Missing
        });
        strays.map(|(pid, _)| pid).collect()
    }

    /// Children of this process that it has not started itself.
    fn others(&self) -> Vec<(i32, Process)> {
        let own = self.own.lock();
        let children = children(std::process::id()).into_iter().map(u32::cast_signed);
        let others = children.filter(|pid| !own.contains(pid));
        others.filter_map(|pid| Some((pid, Process::new(pid).ok()?))).collect()
    }
}

/// Becomes the parent of what adaptors leave, and sees to its zombies. Never comes to an end.
pub(super) async fn watch(adopted: Arc<Adopted>) {
    if let Err(err) = rustix::process::set_child_subreaper(Some(rustix::process::getpid())) {
        tracing::debug!("processes that adaptors leave go to the system: {err}");
    }
    let Ok(mut ends) = signal(SignalKind::child()) else { return };
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ends.recv() => {}
            _ = looks.tick() => {}
        }
        adopted.look();
    }
}

/// Ends what is left of a worker that has ended, on a thread that has time for it.
pub(super) fn end_rest(adopted: &Arc<Adopted>, worker: usize, mark: &str) {
    let (adopted, mark) = (adopted.clone(), mark.to_owned());
    tokio::task::spawn_blocking(move || match adopted.end_rest(&mark) {
        0 => {}
        1 => tracing::info!("worker {worker}: ended 1 process that its adaptors have left"),
        many => {
            tracing::info!("worker {worker}: ended {many} processes that its adaptors have left");
        }
    });
}

/// Ends all that is left of a server whose workers have ended.
pub(super) async fn end_all(adopted: Arc<Adopted>) {
    let _ = tokio::task::spawn_blocking(move || adopted.end_all()).await;
}
