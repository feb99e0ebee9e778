//! The time limit of a call: it counts from when the call begins to run, not from when it came.

use std::rc::Rc;
use std::time::Duration;

use owt_core::Error;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::cancellation::CancelReason;
use super::connection::Connection;
use super::pending::Pending;

/// Cancels a call whose time is up, unless this is dropped before.
#[derive(Debug)]
pub(super) struct Deadline(JoinHandle<()>);

impl Deadline {
    pub(super) fn start(
        connection: &Rc<Connection>,
        id: u32,
        pending: &Rc<Pending>,
        limit: Duration,
    ) -> Self {
        let (connection, pending) = (connection.clone(), pending.clone());
        Self(tokio::task::spawn_local(async move {
            pending.started.notified().await;
            sleep(limit).await;
            pending.fail(Error::Deadline { limit });
            connection.cancel(id, CancelReason::Deadline);
        }))
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        self.0.abort();
    }
}
