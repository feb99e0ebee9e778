//! The control socket of a worker: it receives its settings, reports that it is ready, and is told
//! to stop. When the socket closes, the front is gone, and the worker ends with everything that its
//! adaptors have started.

use std::io::{self, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::path::Path;

use pyo3::prelude::*;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags};
use rustix::process::{Signal, getpid, kill_process, kill_process_group};

use owt_common::leftovers::{self, MARK_VARIABLE};
use owt_common::wire::{MAX_CONNECTIONS, Ready, Settings};

pub(super) struct Control(UnixStream);

impl Control {
    /// Takes the control socket from standard input, which is empty from then on. What adaptors print
    /// goes to standard error.
    pub(super) fn open() -> io::Result<Self> {
        let socket = io::stdin().as_fd().try_clone_to_owned()?;
        rustix::net::sockopt::socket_type(&socket)?;
        rustix::stdio::dup2_stdin(std::fs::File::open("/dev/null")?)?;
        rustix::stdio::dup2_stdout(io::stderr())?;
        Ok(Self(socket.into()))
    }

    /// Waits for the settings and the sockets that come with them.
    pub(super) fn receive_settings(mut self) -> io::Result<(Self, Settings, Vec<OwnedFd>)> {
        let (len, sockets) = self.receive_sockets()?;
        let mut bytes = vec![0; len];
        self.0.read_exact(&mut bytes)?;
        let settings = postcard::from_bytes(&bytes).map_err(io::Error::other)?;
        Ok((self, settings, sockets))
    }

    /// The length of the settings, and the sockets that came with it.
    fn receive_sockets(&self) -> io::Result<(usize, Vec<OwnedFd>)> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_CONNECTIONS))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let mut len = [0; 4];
        let flags = RecvFlags::WAITALL | RecvFlags::CMSG_CLOEXEC;
        let received =
            rustix::net::recvmsg(&self.0, &mut [IoSliceMut::new(&mut len)], &mut ancillary, flags)?;
        if received.bytes != len.len() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let sockets = ancillary.drain().filter_map(|message| match message {
            RecvAncillaryMessage::ScmRights(sockets) => Some(sockets),
            _ => None,
        });
        Ok((u32::from_le_bytes(len) as usize, sockets.flatten().collect()))
    }

    /// Tells the front whether the worker has started, then waits until it is to end.
    pub(super) fn serve(mut self, ready: &Ready, settings: &Settings) {
        let message = postcard::to_stdvec(ready).expect("an enum of strings can be written");
        if self.0.write_all(&message).is_err() || matches!(ready, Ready::No(_)) {
            return;
        }
        let mut byte = [0];
        let mark = std::env::var(MARK_VARIABLE).ok();
        let outcome = loop {
            match self.0.read(&mut byte) {
                Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
                outcome => break outcome,
            }
        };
        match outcome {
            Ok(1) => run_exit_functions(),
            // The front was killed, and cannot clean up any more.
            Ok(_) => {
                settings.private_dirs.iter().for_each(|dir| remove(dir));
                leftovers::kill_all(
                    |found| mark.as_deref() == Some(found),
                    &[std::process::id().cast_signed()],
                );
            }
            Err(err) => tracing::error!("the control socket fails: {err}"),
        }
        kill_group();
    }
}

/// Runs what adaptors registered with `atexit`. The front waits for it only for a moment.
fn run_exit_functions() {
    let run = |py: Python<'_>| py.import("atexit")?.call_method0("_run_exitfuncs").map(drop);
    if let Err(err) = Python::attach(run) {
        tracing::warn!("a function registered with atexit failed: {err}");
    }
}

/// Kills the process group that the front created for this worker, and then this process: an adaptor
/// may have moved it into another group. By SIGKILL, because threads of adaptors may never return.
fn kill_group() {
    let this = getpid();
    let _ = kill_process_group(this, Signal::KILL);
    let _ = kill_process(this, Signal::KILL);
}

/// Removes a private directory, and its base if that is empty then.
fn remove(dir: &Path) {
    let _ = std::fs::remove_dir_all(dir);
    let _ = dir.parent().map(std::fs::remove_dir);
}

impl AsRawFd for Control {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}
