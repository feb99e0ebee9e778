//! What sockets of workers need that is not the same on all systems: no child of an adaptor inherits
//! one, and a write to one that is closed raises no SIGPIPE, which adaptors may handle as they like.

use std::io;
use std::os::unix::net::UnixStream;

pub use system::{MESSAGE_FLAGS, SEND_FLAGS, close_on_exec};

/// A pair of sockets, one for the front and one for a worker.
pub fn socket_pair() -> io::Result<(UnixStream, UnixStream)> {
    let (ours, theirs) = UnixStream::pair()?;
    system::raise_no_signal(&ours)?;
    system::raise_no_signal(&theirs)?;
    Ok((ours, theirs))
}

#[cfg(target_os = "linux")]
mod system {
    use std::io;
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream;

    use rustix::net::{RecvFlags, SendFlags};

    /// With what to write to a socket.
    pub const SEND_FLAGS: SendFlags = SendFlags::NOSIGNAL;

    /// With what to receive other sockets over one.
    pub const MESSAGE_FLAGS: RecvFlags = RecvFlags::CMSG_CLOEXEC;

    /// They are received so.
    pub fn close_on_exec(_received: &[OwnedFd]) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn raise_no_signal(_socket: &UnixStream) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::io;
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream;

    use rustix::io::FdFlags;
    use rustix::net::{RecvFlags, SendFlags};

    /// With what to write to a socket.
    pub const SEND_FLAGS: SendFlags = SendFlags::empty();

    /// With what to receive other sockets over one.
    pub const MESSAGE_FLAGS: RecvFlags = RecvFlags::empty();

    /// Keeps sockets that were received from processes that are started later.
    pub fn close_on_exec(received: &[OwnedFd]) -> io::Result<()> {
        received.iter().try_for_each(|fd| Ok(rustix::io::fcntl_setfd(fd, FdFlags::CLOEXEC)?))
    }

    pub(super) fn raise_no_signal(socket: &UnixStream) -> io::Result<()> {
        Ok(rustix::net::sockopt::set_socket_nosigpipe(socket, true)?)
    }
}
