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
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tracing::level_filters::LevelFilter;

use super::{Event, FAREWELL, Shared};
use crate::log;
use crate::worker::{MAX_LINKS, Ready, Settings};

/// How long Python may take to start.
const START_LIMIT: Duration = Duration::from_secs(60);

/// A worker that lived this long is replaced at once.
const HEALTHY: Duration = Duration::from_secs(1);

/// The pause before a worker that did not live so long is replaced. It did start: most likely the
/// same call killed one after the other, and other calls are not to wait for that.
const BREATH: Duration = Duration::from_millis(50);

/// How long a worker whose sockets have closed may take to end by itself.
const LAST_MOMENT: Duration = Duration::from_millis(100);

/// The longest pause before a worker that does not start is tried again.
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
        let process = Process::spawn(&self.settings, self.shared.fronts.len())?;
        Ok(Starting { supervisor: self, process })
    }

    /// Keeps a worker running until the pool stops.
    async fn supervise(mut self, mut process: Process) {
        loop {
            let born = Instant::now();
            let Some(status) = self.accompany(process).await else { return };
            tracing::warn!("worker {} ended ({status}); starting another", self.worker);
            let pause = if born.elapsed() < HEALTHY { BREATH } else { Duration::ZERO };
            process = match self.replace(pause).await {
                Some(process) => process,
                None => return,
            };
        }
    }

    /// Announces a ready worker and waits for its end; `None` when the pool stops.
    async fn accompany(&mut self, mut process: Process) -> Option<ExitStatus> {
        for (front, socket) in self.shared.fronts.iter().zip(process.sockets.drain(..)) {
            let _ = front.send(Event::Up { worker: self.worker, socket });
        }
        let shared = self.shared.clone();
        let state = &shared.workers[self.worker];
        state.take_verdict();
        self.set_up(true);
        let mut verdict = None;
        let status = loop {
            tokio::select! {
                status = process.child.wait() => break status.unwrap_or_default(),
                () = state.condemned.notified(), if verdict.is_none() => verdict = process.execute(state.take_verdict()).await,
                _ = self.stopped.wait_for(|stop| *stop) => {
                    process.end().await;
                    return None;
                }
            }
        };
        self.set_up(false);
        process.kill_group();
        let death = verdict.unwrap_or_else(|| death(status));
        for front in &self.shared.fronts {
            let _ = front.send(Event::Down { worker: self.worker, death });
        }
        Some(status)
    }

    /// Starts another worker, and tries less and less often where it does not start; `None` when
    /// the pool stops.
    async fn replace(&mut self, mut pause: Duration) -> Option<Process> {
        loop {
            tokio::select! {
                started = Process::start_after(pause, &self.settings, self.shared.fronts.len()) => match started {
                    Ok(process) => return Some(process),
                    Err(err) => tracing::error!("worker {}: {err}", self.worker),
                },
                _ = self.stopped.wait_for(|stop| *stop) => return None,
            }
            pause = longer(pause);
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

    async fn start_after(
        pause: Duration,
        settings: &Settings,
        threads: usize,
    ) -> Result<Self, StartError> {
        sleep(pause).await;
        let mut process = Self::spawn(settings, threads)?;
        process.ready().await.map(|()| process)
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

    /// Kills the worker because of a verdict on it; gives back the verdict if it did. A worker whose
    /// sockets have closed is most likely ending by itself, and has a moment to do so.
    async fn execute(&mut self, verdict: Option<Death>) -> Option<Death> {
        let verdict = verdict?;
        if timeout(LAST_MOMENT, self.child.wait()).await.is_ok() {
            return None;
        }
        self.kill_group();
        Some(verdict)
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

/// The pause after one more start that failed.
fn longer(pause: Duration) -> Duration {
    (pause * 2).clamp(BREATH, LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_that_does_not_start_is_tried_less_and_less_often() {
        let pauses = std::iter::successors(Some(Duration::ZERO), |pause| Some(longer(*pause)));
        let pauses: Vec<_> = pauses.take(9).map(|pause| pause.as_millis()).collect();
        assert_eq!(pauses, [0, 50, 100, 200, 400, 800, 1600, 3200, 5000]);
    }

    #[test]
    fn an_exit_status_tells_how_the_worker_died() {
        assert_eq!(death(ExitStatus::from_raw(9)), Death::Signal(9));
        assert_eq!(death(ExitStatus::from_raw(3 << 8)), Death::Exit(3));
    }
}
