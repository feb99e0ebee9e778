//! Bounds what the system takes for a client that reads slowly: else that client would seem for minutes
//! not to read at all.

use std::io;

use socket2::SockRef;

/// Bytes that the system takes, on Linux beyond those that are on their way to the client.
const MAX_UNSENT: u32 = 256 * 1024;

#[cfg(target_os = "linux")]
pub(super) fn limit_unsent(socket: &SockRef<'_>) -> io::Result<()> {
    socket.set_tcp_notsent_lowat(MAX_UNSENT)
}

#[cfg(not(target_os = "linux"))]
pub(super) fn limit_unsent(socket: &SockRef<'_>) -> io::Result<()> {
    socket.set_send_buffer_size(MAX_UNSENT as usize)
}
