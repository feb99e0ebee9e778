//! One worker process: how it is started with its sockets, and ended.

use std::io::{self, IoSlice, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags};
use rustix::process::{Pid, PidfdFlags, Signal};
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncReadExt, Interest};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tracing::level_filters::LevelFilter;

use super::adopted::{self, Adopted};
use super::output;
use crate::leftovers::MARK_VARIABLE;
use crate::log;
use crate::wire::{MAX_CONNECTIONS, Ready, Settings};

/// How long Python may take to start.
const START_LIMIT: Duration = Duration::from_secs(60);

/// How long a worker has for its exit functions before it is killed.
const FAREWELL: Duration = Duration::from_secs(1);

/// How long the log waits for the last lines of a worker that has ended.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// The pause after a first start that failed.
const BREATH: Duration = Duration::from_millis(50);

/// The longest pause before a worker that does not start is tried again.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Why a worker did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The process could not be started or spoken to.
    #[error("cannot start a worker process: {0}")]
    Io(#[from] io::Error),
    /// The package that it needs cannot be written.
    #[error("the package owt cannot be written: {0}")]
    Package(#[source] io::Error),
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

pub(super) struct Process {
    child: Child,
    /// Readable once the process has ended, when nobody has waited for it yet.
    ended: Option<AsyncFd<OwnedFd>>,
    /// Puts what it prints into the log.
    output: Option<JoinHandle<()>>,
    /// The process, and the group that it leads from its start on.
    pid: Pid,
    /// By what processes are known that come from this one.
    mark: String,
    adopted: Arc<Adopted>,
    control: tokio::net::UnixStream,
    /// Our ends of the sockets for calls, one for each thread of the front.
    pub(super) sockets: Vec<UnixStream>,
}

impl Process {
    pub(super) fn spawn(
        settings: &Settings,
        threads: usize,
        adopted: &Arc<Adopted>,
    ) -> io::Result<Self> {
        let (control, theirs) = UnixStream::pair()?;
        let mark = adopted.mark();
        let mut command = Command::new(own_program(&settings.exe));
        command
            .arg0("owt")
            .arg("worker")
            .env(log::LEVEL_VARIABLE, LevelFilter::current().to_string())
            .env(MARK_VARIABLE, &mark)
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        let mut child = adopted.spawn(command)?;
        let output = child.stderr.take().map(output::follow);
        let pid = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        let pid = pid.ok_or(io::ErrorKind::NotFound)?;
        let ended = watch_for_end(pid);
        let pairs: Vec<_> = (0..threads).map(|_| UnixStream::pair()).collect::<io::Result<_>>()?;
        let (sockets, theirs): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
        match send_settings(&control, settings, &theirs) {
            // It has ended already: how, will be said where it should be ready.
            Err(err) if err.kind() == io::ErrorKind::BrokenPipe => {}
            sent => sent?,
        }
        control.set_nonblocking(true)?;
        let control = tokio::net::UnixStream::from_std(control)?;
        let adopted = adopted.clone();
        Ok(Self { child, ended, output, pid, mark, adopted, control, sockets })
    }

    /// Waits for the worker's first word.
    pub(super) async fn ready(&mut self) -> Result<(), StartError> {
        // One small write, so it arrives whole.
        let mut word = vec![0; 64 * 1024];
        let read = timeout(START_LIMIT, self.control.read(&mut word));
        let len = match read.await.map_err(|_| StartError::Slow)? {
            // Some that ends leaves unread what it was told.
            Err(err) if err.kind() == io::ErrorKind::ConnectionReset => 0,
            read => read?,
        };
        match postcard::from_bytes(&word[..len]) {
            Ok(Ready::Yes) => Ok(()),
            Ok(Ready::No(why)) => Err(StartError::Python(why)),
            Err(_) => Err(StartError::Ended(self.wait().await?)),
        }
    }

    /// Waits for the worker's end, and ends the group that it led.
    pub(super) async fn wait(&mut self) -> io::Result<ExitStatus> {
        if let Some(ended) = &self.ended {
            let _ = ended.readable().await;
            // Before anybody waits for the process: after that, its number may be another's.
            self.kill_group();
        }
        self.child.wait().await
    }

    /// Waits until what was printed is in the log; children that have left the group may print on.
    async fn last_words(&mut self) {
        if let Some(output) = self.output.take() {
            let _ = timeout(LAST_WORDS, output).await;
        }
    }

    /// Lets the worker run its exit functions, then ends it and its group.
    pub(super) async fn end(&mut self) {
        let _ = self.control.try_write(&[1]);
        if timeout(FAREWELL, self.wait()).await.is_err() {
            self.kill().await;
        }
        self.last_words().await;
    }

    /// Kills the worker, also if it has left its group, and those that are in the group still.
    pub(super) async fn kill(&mut self) {
        let _ = self.child.start_kill();
        self.kill_group();
        let _ = self.wait().await;
    }

    /// Only the worker can have made a group of this number, whether or not it still is in it.
    fn kill_group(&self) {
        if self.child.id().is_some() {
            let _ = rustix::process::kill_process_group(self.pid, Signal::KILL);
        }
    }

    /// Ends what the worker's adaptors have left, once it has ended.
    pub(super) fn end_rest(&self, worker: usize) {
        adopted::end_rest(&self.adopted, worker, &self.mark);
    }

    pub(super) fn pid(&self) -> u32 {
        self.pid.as_raw_nonzero().get().cast_unsigned()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill_group();
        self.adopted.remove(self.pid);
    }
}

/// What is readable once a process has ended; `None` where the system has no such thing.
#[expect(deprecated, reason = "sound for an OwnedFd; what replaces it is unsafe for all types")]
fn watch_for_end(pid: Pid) -> Option<AsyncFd<OwnedFd>> {
    let process = rustix::process::pidfd_open(pid, PidfdFlags::NONBLOCK).ok()?;
    AsyncFd::with_interest(process, Interest::READABLE).ok()
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
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_CONNECTIONS))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !ancillary.push(SendAncillaryMessage::ScmRights(&sockets)) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let flags = SendFlags::NOSIGNAL;
    rustix::net::sendmsg(control, &[IoSlice::new(&len)], &mut ancillary, flags)?;
    (&mut &*control).write_all(&settings)
}

/// The pause after one more start that failed.
pub(super) fn longer(pause: Duration) -> Duration {
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
}
