//! A worker's end of one socket to one thread of the front: whoever has a frame to send adds it,
//! and whoever is at leisure writes them all at once.

use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use bytes::BytesMut;
use parking_lot::Mutex;
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags};
use serde::Serialize;

use crate::wire::{self, CHUNK, Kind};

/// For how many microseconds after a write the chunks of streams are gathered for the next one.
const GATHER: u64 = 200;

pub(crate) struct Link {
    /// Which thread of the front this is.
    pub(crate) index: usize,
    socket: OwnedFd,
    /// Frames that wait to be written.
    pending: Mutex<Vec<u8>>,
    /// When something was last written, in microseconds since `epoch`.
    written: AtomicU64,
    epoch: Instant,
    /// Held while writing, so that frames leave in the order in which they were added.
    writer: Mutex<()>,
}

/// What one read brought.
pub(crate) enum Read {
    Some,
    Nothing,
    /// The front has closed its end.
    Closed,
}

impl Link {
    pub(crate) fn new(index: usize, socket: OwnedFd) -> Self {
        let (pending, writer, written) = Default::default();
        Self { index, socket, pending, written, epoch: Instant::now(), writer }
    }

    pub(crate) fn socket(&self) -> &OwnedFd {
        &self.socket
    }

    pub(crate) fn push(&self, kind: Kind, id: u32, raw: &[u8]) {
        wire::push(&mut self.pending.lock(), kind, id, raw);
    }

    pub(crate) fn push_head(&self, kind: Kind, id: u32, head: &impl Serialize, raw: &[u8]) {
        wire::push_head(&mut self.pending.lock(), kind, id, head, raw);
    }

    /// Writes what is pending. Blocks while the front is busy, so the interpreter must be let go.
    pub(crate) fn flush(&self) {
        let _turn = self.writer.lock();
        loop {
            let batch = std::mem::take(&mut *self.pending.lock());
            if batch.is_empty() || self.write(&batch).is_err() {
                return;
            }
            self.written.store(self.now(), Ordering::Relaxed);
        }
    }

    /// Whether what is pending should be written now, and not wait for more.
    pub(crate) fn is_due(&self) -> bool {
        let waited = self.now().saturating_sub(self.written.load(Ordering::Relaxed));
        waited >= GATHER || self.pending.lock().len() >= CHUNK / 2
    }

    fn now(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// Whether frames wait to be written.
    pub(crate) fn is_pending(&self) -> bool {
        !self.pending.lock().is_empty()
    }

    fn write(&self, mut batch: &[u8]) -> Result<(), Errno> {
        while !batch.is_empty() {
            match rustix::net::send(&self.socket, batch, SendFlags::NOSIGNAL) {
                Ok(written) => batch = &batch[written..],
                Err(Errno::INTR) => {}
                // The front is gone: the watcher of the control socket ends this process.
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
