//! One worker process: started with its sockets, watched, and replaced when it dies.

use std::io::{self, IoSlice, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use owt_core::Death;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags};
use rustix::process::{Pid, Signal};
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tracing::level_filters::LevelFilter;

use super::{Event, FAREWELL, Shared};
use crate::log;
use crate::worker::{MAX_LINKS, Ready, Settings};

/// How long Python may take to start.
const START_LIMIT: Duration = Duration::from_secs(60);

/// A worker that lived this long did not die of its own start.
const HEALTHY: Duration = Duration::from_secs(5);

/// The longest pause before a worker that keeps dying is started again.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Why a worker did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The process could not be started or spoken to.
    #[error("cannot start a worker process: {0}")]
    Io(#[from] io::Error),
    /// Python or the package `owt` did not start in it.
    #[error("Python does not start: {0}")]
    Python(String),
    /// It ended before it was ready.
    #[error("a worker process ended while it was starting ({0})")]
    Ended(ExitStatus),
    /// It said nothing for too long.
    #[error("a worker process is not ready after {} s", START_LIMIT.as_secs())]
    Slow,
}

/// What it takes to run one worker after the other.
pub(super) struct Supervisor {
    pub(super) worker: usize,
    pub(super) settings: Settings,
    pub(super) fronts: Vec<mpsc::UnboundedSender<Event>>,
    pub(super) shared: Arc<Shared>,
    pub(super) stopped: watch::Receiver<bool>,
}

/// A worker whose process has been started, and that is not ready yet.
pub(super) struct Starting {
    supervisor: Supervisor,
    process: Process,
}

struct Process {
    child: Child,
    group: Pid,
    control: tokio::net::UnixStream,
    /// Our ends of the sockets for calls, one for each thread of the front.
    sockets: Vec<UnixStream>,
}

impl Supervisor {
    pub(super) fn start(self) -> Result<Starting, StartError> {
        let process = Process::spawn(&self.settings, self.fronts.len())?;
        Ok(Starting { supervisor: self, process })
    }

    /// Keeps a worker running until the pool stops.
    async fn supervise(mut self, mut process: Process) {
        let mut deaths_in_a_row = 0;
        loop {
            let born = Instant::now();
            let Some(status) = self.accompany(process).await else {
                return;
            };
            deaths_in_a_row = if born.elapsed() < HEALTHY { deaths_in_a_row + 1 } else { 1 };
            tracing::warn!("worker {} ended ({status}); starting another", self.worker);
            process = match self.replace(&mut deaths_in_a_row).await {
                Some(process) => process,
                None => return,
            };
        }
    }

    /// Announces a ready worker and waits for its end; `None` when the pool stops.
    async fn accompany(&mut self, mut process: Process) -> Option<ExitStatus> {
        for (front, socket) in self.fronts.iter().zip(process.sockets.drain(..)) {
            let _ = front.send(Event::Up { worker: self.worker, socket });
        }
        self.set_up(true);
        let status = tokio::select! {
            status = process.child.wait() => status.unwrap_or_default(),
            _ = self.stopped.wait_for(|stop| *stop) => {
                process.end().await;
                return None;
            }
        };
        self.set_up(false);
        process.kill_group();
        let death = death(status);
        for front in &self.fronts {
            let _ = front.send(Event::Down { worker: self.worker, death });
        }
        Some(status)
    }

    /// Starts another worker, at once the first time; `None` when the pool stops.
    async fn replace(&mut self, deaths_in_a_row: &mut u32) -> Option<Process> {
        loop {
            tokio::select! {
                () = sleep(pause(*deaths_in_a_row)) => {}
                _ = self.stopped.wait_for(|stop| *stop) => return None,
            }
            let started = match Process::spawn(&self.settings, self.fronts.len()) {
                Ok(mut process) => process.ready().await.map(|()| process),
                Err(err) => Err(err.into()),
            };
            match started {
                Ok(process) => return Some(process),
                Err(err) => tracing::error!("worker {}: {err}", self.worker),
            }
            *deaths_in_a_row += 1;
        }
    }

    fn set_up(&self, is_up: bool) {
        self.shared.workers[self.worker].is_up.store(is_up, Ordering::Relaxed);
    }
}

impl Starting {
    /// Waits until the worker is ready, and keeps it running from then on.
    pub(super) async fn ready(self) -> Result<JoinHandle<()>, StartError> {
        let Self { supervisor, mut process } = self;
        process.ready().await?;
        Ok(tokio::task::spawn_local(supervisor.supervise(process)))
    }
}

impl Process {
    fn spawn(settings: &Settings, threads: usize) -> io::Result<Self> {
        let (control, theirs) = UnixStream::pair()?;
        let child = Command::new(own_program(&settings.exe))
            .arg0("owt")
            .arg("worker")
            .env(log::LEVEL_VARIABLE, LevelFilter::current().to_string())
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let group = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        let group = group.ok_or(io::ErrorKind::NotFound)?;
        let pairs: Vec<_> = (0..threads).map(|_| UnixStream::pair()).collect::<io::Result<_>>()?;
        let (sockets, theirs): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
        send_settings(&control, settings, &theirs)?;
        control.set_nonblocking(true)?;
        Ok(Self { child, group, control: tokio::net::UnixStream::from_std(control)?, sockets })
    }

    /// Waits for the worker's first word.
    async fn ready(&mut self) -> Result<(), StartError> {
        // One small write, so it arrives whole.
        let mut word = vec![0; 64 * 1024];
        let len = timeout(START_LIMIT, self.control.read(&mut word))
            .await
            .map_err(|_| StartError::Slow)??;
        match postcard::from_bytes(&word[..len]) {
            Ok(Ready::Yes) => Ok(()),
            Ok(Ready::No(why)) => Err(StartError::Python(why)),
            Err(_) => Err(StartError::Ended(self.child.wait().await?)),
        }
    }

    /// Lets the worker run its exit functions, then ends it and all that it started.
    async fn end(mut self) {
        let _ = self.control.try_write(&[1]);
        let _ = timeout(FAREWELL, self.child.wait()).await;
        self.kill_group();
        let _ = self.child.wait().await;
    }

    fn kill_group(&self) {
        let _ = rustix::process::kill_process_group(self.group, Signal::KILL);
    }
}

/// This program as it runs, even if the file has been replaced since, as a new build does.
fn own_program(exe: &str) -> &str {
    const RUNNING: &str = "/proc/self/exe";
    if std::path::Path::new(RUNNING).exists() { RUNNING } else { exe }
}

/// Sends the settings, and with their first bytes the worker's ends of the sockets for calls.
fn send_settings(
    control: &UnixStream,
    settings: &Settings,
    sockets: &[UnixStream],
) -> io::Result<()> {
    let settings = postcard::to_stdvec(settings).map_err(io::Error::other)?;
    let len = u32::try_from(settings.len()).map_err(io::Error::other)?.to_le_bytes();
    let sockets: Vec<_> = sockets.iter().map(AsFd::as_fd).collect();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_LINKS))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !ancillary.push(SendAncillaryMessage::ScmRights(&sockets)) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let flags = SendFlags::NOSIGNAL;
    rustix::net::sendmsg(control, &[IoSlice::new(&len)], &mut ancillary, flags)?;
    (&mut &*control).write_all(&settings)
}

fn death(status: ExitStatus) -> Death {
    match (status.signal(), status.code()) {
        (Some(signal), _) => Death::Signal(signal),
        (None, Some(code)) => Death::Exit(code),
        (None, None) => Death::Lost,
    }
}

/// None the first time, then longer and longer.
fn pause(deaths_in_a_row: u32) -> Duration {
    match deaths_in_a_row {
        0 | 1 => Duration::ZERO,
        n => (Duration::from_millis(100) * 2_u32.saturating_pow(n - 2)).min(LONGEST_PAUSE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_that_keeps_dying_is_started_less_and_less_often() {
        let pauses: Vec<_> = (1..=9).map(|deaths| pause(deaths).as_millis()).collect();
        assert_eq!(pauses, [0, 100, 200, 400, 800, 1600, 3200, 5000, 5000]);
    }

    #[test]
    fn an_exit_status_tells_how_the_worker_died() {
        assert_eq!(death(ExitStatus::from_raw(9)), Death::Signal(9));
        assert_eq!(death(ExitStatus::from_raw(3 << 8)), Death::Exit(3));
    }
}
