//! The reply to a call. It is sent once: whole, in chunks, or as an error.

use parking_lot::Mutex;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use super::channel::Channel;
use super::window::ReplyWindow;
use crate::wire::{CHUNK, Failure, Kind, ReplyHead};

pub(crate) struct Reply {
    pub(super) channel: Channel,
    progress: Mutex<Progress>,
    pub(super) window: ReplyWindow,
}

/// How much of the reply has been sent.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Progress {
    #[default]
    Nothing,
    Head,
    Everything,
}

/// How a reply that has begun ends.
pub(crate) enum ReplyEnd<'a> {
    /// With its head, which holds the whole body.
    WithHead,
    /// After its last chunk.
    Complete,
    /// Half way, for this reason.
    Broken(&'a str),
    /// It is no reply: the call is to come again with its source.
    NeedSource,
}

impl Reply {
    pub(super) fn new(channel: Channel) -> Self {
        Self { channel, progress: Mutex::default(), window: ReplyWindow::default() }
    }

    /// Claims the one reply that a call may have.
    pub(super) fn begin(&self) -> PyResult<()> {
        let mut progress = self.progress.lock();
        if *progress != Progress::Nothing {
            return Err(PyRuntimeError::new_err("this call is answered already"));
        }
        *progress = Progress::Head;
        Ok(())
    }

    pub(super) fn push_head(&self, head: &ReplyHead<'_>, first: &[u8]) {
        self.channel.push_head(Kind::Head, head, first);
    }

    /// Buffers at most [`CHUNK`] bytes of the body; `false` if no more may be sent for now.
    pub(super) fn push_piece(&self, piece: &[u8]) -> bool {
        self.channel.push(Kind::Chunk, piece);
        self.window.consume(piece.len())
    }

    /// Buffers a chunk of any size, whether the window is open or not.
    pub(super) fn push_chunk(&self, chunk: &[u8]) {
        chunk.chunks(CHUNK).for_each(|piece| {
            self.push_piece(piece);
        });
    }

    /// Ends a reply that has begun; nothing happens if it has ended, as by an error.
    pub(super) fn end(&self, end: &ReplyEnd<'_>) {
        if self.complete() != Progress::Head {
            return;
        }
        match end {
            ReplyEnd::WithHead => {}
            ReplyEnd::Complete => self.channel.notify(Kind::End),
            ReplyEnd::Broken(reason) => self.channel.push(Kind::Broken, reason.as_bytes()),
            ReplyEnd::NeedSource => self.channel.notify(Kind::NeedSource),
        }
    }

    /// Sends an error instead of a reply. A reply that has begun is broken off.
    pub(super) fn fail(&self, failure: &Failure<'_>) {
        match self.complete() {
            Progress::Nothing => self.channel.push_head(Kind::Fail, failure, b""),
            Progress::Head => self.channel.push(Kind::Broken, failure.text.as_bytes()),
            Progress::Everything => {}
        }
    }

    fn complete(&self) -> Progress {
        std::mem::replace(&mut *self.progress.lock(), Progress::Everything)
    }
}
