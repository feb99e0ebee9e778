//! Where the frames of one call go: a connection, and the call's id on it.

use std::sync::Arc;

use serde::Serialize;

use super::connection::Connection;
use crate::wire::Kind;

/// Identifies a call within this worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct CallKey {
    /// The index of its connection.
    pub(crate) connection: usize,
    pub(crate) id: u32,
}

#[derive(Clone)]
pub(crate) struct Channel {
    connection: Arc<Connection>,
    id: u32,
}

impl Channel {
    pub(crate) fn new(connection: Arc<Connection>, id: u32) -> Self {
        Self { connection, id }
    }

    pub(crate) fn key(&self) -> CallKey {
        CallKey { connection: self.connection.index, id: self.id }
    }

    /// Buffers a frame without a payload.
    pub(crate) fn notify(&self, kind: Kind) {
        self.push(kind, b"");
    }

    pub(crate) fn push(&self, kind: Kind, raw: &[u8]) {
        self.connection.push(kind, self.id, raw);
    }

    pub(crate) fn push_head(&self, kind: Kind, head: &impl Serialize, raw: &[u8]) {
        self.connection.push_head(kind, self.id, head, raw);
    }

    /// Writes what is buffered for the connection. Callers release the GIL first.
    pub(crate) fn flush(&self) {
        self.connection.flush();
    }

    pub(crate) fn is_flush_due(&self) -> bool {
        self.connection.is_flush_due()
    }
}
