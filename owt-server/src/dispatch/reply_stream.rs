//! The body of a streamed reply, no faster than the client reads it.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;
use owt_core::Error;

use super::in_flight::InFlight;
use owt_common::wire::{Kind, ReceiveWindow};

/// The chunks of a reply, as the adaptor yields them. Reading them is what lets it go on.
pub(crate) struct ReplyStream {
    call: InFlight,
    first: Option<Bytes>,
    window: ReceiveWindow,
    /// Whether an error has been held back for a moment.
    has_paused: bool,
}

impl ReplyStream {
    pub(super) fn new(call: InFlight, first: Bytes) -> Self {
        Self { call, first: Some(first), window: ReceiveWindow::default(), has_paused: false }
    }

    fn count_read(&mut self, bytes: usize) {
        self.call.connection.count(|stats| stats.reply_bytes += bytes as u64);
        if let Some(read) = self.window.read(bytes) {
            self.call.connection.push(Kind::ReplyWindowUpdate, self.call.id, &read.to_le_bytes());
        }
    }
}

impl Stream for ReplyStream {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if let Some(first) = this.first.take().filter(|first| !first.is_empty()) {
            return Poll::Ready(Some(Ok(first)));
        }
        if !this.has_paused && this.call.pending.is_broken() {
            // actix-web drops what it has not written yet when a body fails: it gets a turn to write.
            this.has_paused = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if let Poll::Ready(next) = this.call.pending.poll_chunk(cx) {
            if let Some(Ok(chunk)) = &next {
                this.count_read(chunk.len());
            }
            return Poll::Ready(next);
        }
        Poll::Pending
    }
}
