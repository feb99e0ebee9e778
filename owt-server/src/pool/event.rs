//! What the pool tells the threads of the front of its workers.

use std::os::unix::net::UnixStream;
use std::sync::Arc;

use super::exit_reason::ExitReason;
use super::life::{Lease, Life};

/// A change of one worker.
pub(crate) enum WorkerEvent {
    /// A worker is ready; this is the socket to it.
    Up { worker: usize, life: Arc<Life>, lease: Lease, socket: UnixStream },
    /// The worker that is there gets no more calls, and finishes those that it has.
    Retire { worker: usize },
    /// A worker has ended, this one or one that was retired.
    Down { worker: usize, life: Arc<Life>, reason: ExitReason },
    /// No worker can be started there, and calls do not wait for one any more.
    Unavailable { worker: usize, reason: Arc<str> },
}
