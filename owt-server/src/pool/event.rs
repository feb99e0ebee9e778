//! Changes of workers, which the pool sends to the threads of the front.

use std::os::unix::net::UnixStream;
use std::sync::Arc;

use owt_core::Error;

use super::handle::{DrainGuard, WorkerHandle};

/// A change of one worker.
pub(crate) enum WorkerEvent {
    /// A worker is ready to take calls from this socket.
    Up {
        worker: usize,
        /// As the log names it.
        name: String,
        handle: Arc<WorkerHandle>,
        drain_guard: DrainGuard,
        socket: UnixStream,
    },
    /// The current worker gets no new calls, and finishes its own.
    Retire { worker: usize },
    /// A worker has ended: the current one or a retired one.
    /// Its calls come to this error.
    Down { worker: usize, handle: Arc<WorkerHandle>, err: Error },
    /// No worker can be started: calls fail until one is up.
    Unavailable { worker: usize, reason: Arc<str> },
}
