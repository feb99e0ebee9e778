//! A server's end: what runs may finish, then it is interrupted, and answers are sent to their end.

use std::io;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, timeout};

use crate::front::Drain;

/// How long clients have to read what is left of their answers, if the time for calls is over.
const READ_GRACE: Duration = Duration::from_secs(1);

/// The signals that end a server: SIGINT and SIGTERM.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// From here on, a signal no longer ends the process, but waits until somebody asks.
    pub(crate) fn listen() -> io::Result<Self> {
        let [interrupt, terminate] = [SignalKind::interrupt(), SignalKind::terminate()].map(signal);
        Ok(Self { interrupt: interrupt?, terminate: terminate? })
    }

    /// Waits for the next one.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Stops a server after its first signal; the second ends it at once.
///
/// It goes on to listen while calls finish, so that whoever comes is told that it is stopping.
pub(crate) async fn stop(
    mut signals: Signals,
    drain: &Drain,
    cancel_all: impl AsyncFnOnce() -> usize,
    handle: ServerHandle,
    grace: Duration,
) {
    tracing::info!("stopping; running calls may finish (again to stop at once)");
    let began = Instant::now();
    let stopping = async {
        drain.drain(grace, cancel_all).await;
        let rest = grace.saturating_sub(began.elapsed()).max(READ_GRACE);
        let _ = timeout(rest, handle.stop(true)).await;
    };
    tokio::select! {
        () = stopping => {}
        () = signals.next() => tracing::info!("stopped; calls that were running are lost"),
    }
}
