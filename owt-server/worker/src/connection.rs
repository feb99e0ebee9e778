//! The worker's end of a socket to one thread of the front, which all calls of that thread share.
//! Frames are buffered by whoever has some to send, and written in batches.

use std::os::fd::OwnedFd;
use std::process::exit;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use bytes::BytesMut;
use parking_lot::Mutex;
use rustix::io::Errno;
use rustix::net::RecvFlags;
use serde::Serialize;

use super::FAILURE;
use owt_common::wire::{self, CHUNK, Kind, SEND_FLAGS};

/// For how many microseconds after a write small chunks of streams are buffered, to be written
/// together.
const COALESCE_MICROS: u64 = 200;

/// How many bytes a buffer keeps for what comes next.
const MAX_KEPT: usize = 2 * CHUNK;

pub(crate) struct Connection {
    /// The index of the front's thread at the other end.
    pub(crate) index: usize,
    socket: OwnedFd,
    buffer: Mutex<Buffer>,
    /// When something was last written, in microseconds since `epoch`.
    last_write: AtomicU64,
    epoch: Instant,
    /// What is being written. Held meanwhile, so that frames leave in the order in which they were buffered; the
    /// two buffers change places, so that their memory is used again.
    writing: Mutex<Vec<u8>>,
}

/// Frames that have not been written yet.
#[derive(Default)]
struct Buffer {
    frames: Vec<u8>,
    /// If the last frame is a chunk of a body: its call, and where it begins. What comes next of that body is added
    /// to it, because the front takes as long for a small frame as for a large one.
    last_chunk: Option<(u32, usize)>,
}

impl Buffer {
    fn push(&mut self, kind: Kind, id: u32, raw: &[u8]) {
        if kind == Kind::Chunk
            && let Some((_, start)) = self.last_chunk.filter(|(call, _)| *call == id)
            && wire::extend(&mut self.frames, start, raw)
        {
            return;
        }
        self.last_chunk = (kind == Kind::Chunk).then_some((id, self.frames.len()));
        wire::push(&mut self.frames, kind, id, raw);
    }

    fn push_head(&mut self, kind: Kind, id: u32, head: &impl Serialize, raw: &[u8]) {
        self.last_chunk = None;
        wire::push_head(&mut self.frames, kind, id, head, raw);
    }

    /// Takes what is there, in exchange for an empty buffer.
    fn swap(&mut self, empty: &mut Vec<u8>) {
        self.last_chunk = None;
        std::mem::swap(&mut self.frames, empty);
    }
}

/// The outcome of one read.
pub(crate) enum Read {
    Some,
    Nothing,
    /// The front has closed its end.
    Closed,
}

impl Connection {
    pub(crate) fn new(index: usize, socket: OwnedFd) -> Self {
        let (buffer, writing, last_write) = Default::default();
        Self { index, socket, buffer, last_write, epoch: Instant::now(), writing }
    }

    pub(crate) fn socket(&self) -> &OwnedFd {
        &self.socket
    }

    pub(crate) fn push(&self, kind: Kind, id: u32, raw: &[u8]) {
        self.buffer.lock().push(kind, id, raw);
    }

    pub(crate) fn push_head(&self, kind: Kind, id: u32, head: &impl Serialize, raw: &[u8]) {
        self.buffer.lock().push_head(kind, id, head, raw);
    }

    /// Writes what is buffered. Blocks while the socket is full, so callers release the GIL first.
    pub(crate) fn flush(&self) {
        let mut batch = self.writing.lock();
        loop {
            self.buffer.lock().swap(&mut batch);
            if batch.is_empty() {
                return;
            }
            let written = self.write(&batch);
            batch.clear();
            batch.shrink_to(MAX_KEPT);
            if written.is_err() {
                return;
            }
            self.last_write.store(self.now(), Ordering::Relaxed);
        }
    }

    /// Whether what is buffered should be written now, and not wait for more.
    pub(crate) fn is_flush_due(&self) -> bool {
        let waited = self.now().saturating_sub(self.last_write.load(Ordering::Relaxed));
        waited >= COALESCE_MICROS || self.buffer.lock().frames.len() >= CHUNK
    }

    /// Whether frames are waiting to be written.
    pub(crate) fn has_buffered(&self) -> bool {
        !self.buffer.lock().frames.is_empty()
    }

    fn now(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    fn write(&self, mut batch: &[u8]) -> Result<(), Errno> {
        while !batch.is_empty() {
            match rustix::net::send(&self.socket, batch, SEND_FLAGS) {
                Ok(written) => batch = &batch[written..],
                Err(Errno::INTR) => {}
                Err(errno @ (Errno::BADF | Errno::NOTSOCK)) => end(errno),
                // The front has gone. The control socket closes too, which ends this process.
                Err(errno) => return Err(errno),
            }
        }
        Ok(())
    }

    /// Reads what has arrived through `scratch` into `buffer`, without waiting for more.
    pub(crate) fn read(&self, scratch: &mut [u8], buffer: &mut BytesMut) -> Read {
        match rustix::net::recv(&self.socket, &mut *scratch, RecvFlags::DONTWAIT) {
            Ok((0, _)) => Read::Closed,
            Ok((read, _)) => {
                buffer.extend_from_slice(&scratch[..read]);
                Read::Some
            }
            Err(Errno::AGAIN | Errno::INTR) => Read::Nothing,
            Err(_) => Read::Closed,
        }
    }
}

/// Ends this process, because an adaptor has closed its socket. The front need not see that by itself:
/// while the leader waits for a call, the connection stays open for the other end.
fn end(errno: Errno) -> ! {
    tracing::error!("an adaptor has closed the sockets of this worker, which ends: {errno}");
    exit(FAILURE)
}

/// Identifies a call within this worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct CallKey {
    /// The index of its connection.
    pub(crate) connection: usize,
    pub(crate) id: u32,
}

/// Where the frames of one call go: a connection, and the call's id on it.
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
