//! One worker process: started with its sockets, and stopped.

use std::io::{self, IoSlice, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::pin::pin;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use owt_common::leftovers::MARK_VARIABLE;
use owt_common::log::LEVEL_VARIABLE;
use owt_common::wire::{MAX_CONNECTIONS, Ready, SEND_FLAGS, Settings, socket_pair};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage};
use rustix::process::{Pid, Signal, setpriority_process};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tracing::level_filters::LevelFilter;

use super::exit_watch::ExitWatch;
use super::output;
use super::profile::Profile;
use super::start_error::{START_TIMEOUT, StartError};
use super::subreaper::{self, Subreaper};
use crate::interpreter::LastLine;
use crate::secrets;

/// What `python` runs: the extension module, found in the folder of the package alone.
const BOOT: &str = "\
import sys
sys.path.insert(0, sys.argv.pop())
import _owt_native
del sys.path[0]
_owt_native.run()
";

/// What it takes to start a worker.
#[derive(Debug, Clone)]
pub(crate) struct Launch {
    /// The interpreter that becomes the worker.
    pub(crate) python: PathBuf,
    pub(crate) settings: Settings,
}

/// After so long, the log says what is waited for.
const SLOW_START: Duration = Duration::from_secs(5);

/// How long a worker may take to run its exit functions.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(1);

/// How long to wait for the remaining output of a worker that has exited.
const OUTPUT_TIMEOUT: Duration = Duration::from_millis(200);

pub(super) struct Process {
    child: Child,
    exit: ExitWatch,
    python: PathBuf,
    /// Forwards its output to the log.
    output: Option<JoinHandle<()>>,
    /// What it has said last, until it is ready.
    last_line: Option<Arc<LastLine>>,
    /// The id of the process, and of the process group that it leads.
    pid: Pid,
    /// Marks the processes that this one starts.
    mark: String,
    subreaper: Arc<Subreaper>,
    control: tokio::net::UnixStream,
    /// The front's ends of the sockets for calls, one for each of its threads.
    pub(super) sockets: Vec<UnixStream>,
}

impl Process {
    pub(super) fn spawn(
        launch: &Launch,
        profile: &Profile,
        worker: usize,
        threads: usize,
        subreaper: &Arc<Subreaper>,
    ) -> Result<Self, StartError> {
        let mut command = Command::new(&launch.python);
        command.args(["-c", BOOT]).arg(&launch.settings.package);
        let variables = profile.variables.iter().map(|(name, value)| (&**name, &**value));
        // The pool's own variables come last: they are what somebody has written down.
        command.envs(profile.gpus.variables(worker)).envs(variables);
        let settings = postcard::to_stdvec(&launch.settings).map_err(io::Error::other)?;
        let process = Self::spawn_command(command, &settings, threads, subreaper)?;
        if let Some(nice) = profile.nice {
            process.set_nice(nice);
        }
        Ok(process)
    }

    /// Sets its scheduling priority. It has hardly begun, so the threads that it starts have the same.
    fn set_nice(&self, nice: i32) {
        if let Err(err) = setpriority_process(Some(self.pid), nice) {
            tracing::warn!("a worker cannot have the priority {nice}: {err}");
        }
    }

    fn spawn_command(
        mut command: Command,
        settings: &[u8],
        threads: usize,
        subreaper: &Arc<Subreaper>,
    ) -> Result<Self, StartError> {
        let python = PathBuf::from(command.as_std().get_program());
        let (control, theirs) = socket_pair()?;
        let (reader, writer) = io::pipe()?;
        let mark = subreaper.mark();
        command.env(LEVEL_VARIABLE, LevelFilter::current().to_string()).env(MARK_VARIABLE, &mark);
        secrets::variables().for_each(|name| {
            command.env_remove(name);
        });
        command
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(writer.try_clone()?)
            .stderr(writer)
            .process_group(0)
            .kill_on_drop(true);
        let child = subreaper
            .spawn(command)
            .map_err(|cause| StartError::NotExecuted { python: python.clone(), cause })?;
        let last_line = Arc::<LastLine>::default();
        let reader = Receiver::from_owned_fd(reader.into())?;
        let output = Some(output::forward(reader, Arc::downgrade(&last_line)));
        let last_line = Some(last_line);
        let pid = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        let pid = pid.ok_or(io::Error::from(io::ErrorKind::NotFound))?;
        let exit = ExitWatch::of(pid)?;
        let pairs: Vec<_> = (0..threads).map(|_| socket_pair()).collect::<io::Result<_>>()?;
        let (sockets, theirs): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
        match send_settings(&control, settings, &theirs) {
            // The process has exited: `ready` returns its exit status.
            Err(err) if is_closed(&err) => {}
            sent => sent?,
        }
        control.set_nonblocking(true)?;
        let control = tokio::net::UnixStream::from_std(control)?;
        let subreaper = subreaper.clone();
        Ok(Self { child, exit, python, output, last_line, pid, mark, subreaper, control, sockets })
    }

    /// Waits until the worker reports that it is ready.
    pub(super) async fn ready(&mut self) -> Result<(), StartError> {
        let Ok(report) = timeout(START_TIMEOUT, self.report()).await else {
            let last_line = self.last_line();
            return Err(StartError::Slow { python: self.python.clone(), last_line });
        };
        match report? {
            Some(Ready::Yes) => {
                self.last_line = None;
                Ok(())
            }
            Some(Ready::No(why)) => Err(StartError::NotLoaded { python: self.python.clone(), why }),
            None => Err(self.ended().await?),
        }
    }

    /// The error that the process has exited, once its output is in the log.
    async fn ended(&mut self) -> io::Result<StartError> {
        let status = self.wait().await?;
        self.flush_output().await;
        let last_line = self.last_line();
        Ok(StartError::Ended { python: self.python.clone(), status, last_line })
    }

    /// Waits for the worker's report, and says in the log if that takes long.
    async fn report(&mut self) -> io::Result<Option<Ready>> {
        let mut report = pin!(read_report(&mut self.control));
        if let Ok(report) = timeout(SLOW_START, &mut report).await {
            return report;
        }
        tracing::warn!(
            "waiting for {} to start, for {} s now; it runs sitecustomize.py and the .pth files of its \
             site-packages first",
            self.python.display(),
            SLOW_START.as_secs()
        );
        report.await
    }

    fn last_line(&self) -> Option<String> {
        self.last_line.as_ref()?.get()
    }

    /// Waits until the worker has exited, and kills its process group.
    pub(super) async fn wait(&mut self) -> io::Result<ExitStatus> {
        self.exit.exited().await;
        // Before the process is reaped: after that, its id may be reused.
        self.kill_group();
        self.child.wait().await
    }

    /// Waits until its output is in the log. Children outside the group may keep the pipe open.
    async fn flush_output(&mut self) {
        if let Some(output) = self.output.take() {
            let _ = timeout(OUTPUT_TIMEOUT, output).await;
        }
    }

    /// Lets the worker run its exit functions, then kills it and its group.
    pub(super) async fn stop(&mut self) {
        let _ = self.control.try_write(&[1]);
        if timeout(SHUTDOWN_GRACE, self.wait()).await.is_err() {
            self.kill().await;
        }
        self.flush_output().await;
    }

    /// Kills the worker, even if it has left its group, and the group.
    pub(super) async fn kill(&mut self) {
        let _ = self.child.start_kill();
        self.kill_group();
        let _ = self.wait().await;
    }

    /// The id is not reused before the worker has been reaped.
    fn kill_group(&self) {
        if self.child.id().is_some() {
            let _ = rustix::process::kill_process_group(self.pid, Signal::KILL);
        }
    }

    /// Kills the processes that the worker has left, once it has exited.
    pub(super) fn kill_left(&self, worker: &str) {
        subreaper::kill_left(&self.subreaper, worker, &self.mark);
    }

    pub(super) fn pid(&self) -> u32 {
        self.pid.as_raw_nonzero().get().cast_unsigned()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill_group();
        self.subreaper.remove(self.pid);
    }
}

/// What the worker reports once it has started, or has not; `None` if it has exited before.
async fn read_report(control: &mut tokio::net::UnixStream) -> io::Result<Option<Ready>> {
    // The worker sends it in one write, so it arrives whole.
    let mut message = vec![0; 64 * 1024];
    match control.read(&mut message).await {
        // The process exited before it had read its settings.
        Err(err) if is_closed(&err) => Ok(None),
        read => Ok(postcard::from_bytes(&message[..read?]).ok()),
    }
}

/// Sends the settings, and with their length the worker's ends of the sockets for calls.
fn send_settings(control: &UnixStream, settings: &[u8], sockets: &[UnixStream]) -> io::Result<()> {
    let len = u32::try_from(settings.len()).map_err(io::Error::other)?.to_le_bytes();
    let sockets: Vec<_> = sockets.iter().map(AsFd::as_fd).collect();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_CONNECTIONS))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !ancillary.push(SendAncillaryMessage::ScmRights(&sockets)) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    rustix::net::sendmsg(control, &[IoSlice::new(&len)], &mut ancillary, SEND_FLAGS)?;
    (&mut &*control).write_all(settings)
}

/// Whether the other end of a socket has been closed, with or without unread data.
fn is_closed(err: &io::Error) -> bool {
    matches!(err.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset)
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use rstest::rstest;

    use super::*;

    /// More than the buffer of a socket holds, so that sending them waits for the worker.
    const LARGE: usize = 16 << 20;

    #[rstest]
    #[case::before_it_reads("kill -9 $$")]
    #[case::while_it_reads("head -c 4 >/dev/null; kill -9 $$")]
    #[tokio::test]
    async fn a_worker_that_is_killed_while_it_starts_is_named_by_its_signal(
        #[case] script: &str,
        #[values(1, LARGE)] settings: usize,
    ) {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        let settings = vec![0; settings];
        let spawned = Process::spawn_command(command, &settings, 1, &Arc::default());
        let err = spawned.unwrap().ready().await.unwrap_err();
        let StartError::Ended { status, .. } = err else { panic!("{err}") };
        assert_eq!(status.signal(), Some(9));
    }
}
