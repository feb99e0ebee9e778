//! The control socket of a worker: it receives its settings, reports that it is ready, and is told
//! to stop. When the socket closes, the front is gone, and the worker ends with everything that its
//! adaptors have started.

use std::io::{self, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::path::Path;

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags};
use rustix::process::{Signal, getpid, kill_process, kill_process_group};

use super::engine::Engine;
use owt_common::leftovers::{self, MARK_VARIABLE};
use owt_common::wire::{MAX_CONNECTIONS, MESSAGE_FLAGS, Ready, Settings, close_on_exec};

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
        let flags = RecvFlags::WAITALL | MESSAGE_FLAGS;
        let received =
            rustix::net::recvmsg(&self.0, &mut [IoSliceMut::new(&mut len)], &mut ancillary, flags)?;
        if received.bytes != len.len() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let sockets = ancillary.drain().filter_map(|message| match message {
            RecvAncillaryMessage::ScmRights(sockets) => Some(sockets),
            _ => None,
        });
        let sockets: Vec<_> = sockets.flatten().collect();
        close_on_exec(&sockets)?;
        Ok((u32::from_le_bytes(len) as usize, sockets))
    }

    /// Tells the front why the worker cannot start.
    pub(super) fn refuse(mut self, why: String) {
        // If the front is gone, nobody wants to know.
        let _ = self.report(&Ready::No(why));
    }

    fn report(&mut self, ready: &Ready) -> io::Result<()> {
        let message = postcard::to_stdvec(ready).expect("an enum of strings can be written");
        self.0.write_all(&message)
    }

    /// Tells the front that the worker has started, waits until it is to end, and ends it.
    pub(super) fn serve(mut self, settings: &Settings, engine: &Engine) {
        let reported = self.report(&Ready::Yes);
        match reported.and_then(|()| self.wait()) {
            Ok(1) => engine.callbacks.run_exit_functions(),
            // The front was killed, and cannot clean up any more.
            Ok(_) => {
                settings.private_dirs.iter().for_each(|dir| remove(dir));
                let mark = std::env::var(MARK_VARIABLE).ok();
                leftovers::kill_all(
                    |found| mark.as_deref() == Some(found),
                    &[std::process::id().cast_signed()],
                );
            }
            Err(err) => tracing::error!("the control socket fails: {err}"),
        }
        kill_group();
    }

    /// Waits for the byte with which the front stops a worker. Returns how many came: none if the front
    /// is gone.
    fn wait(&mut self) -> io::Result<usize> {
        let mut byte = [0];
        loop {
            match self.0.read(&mut byte) {
                Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
                outcome => return outcome,
            }
        }
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
