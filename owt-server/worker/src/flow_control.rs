//! Flow control of the bodies of a call: a reply is sent no faster than the client reads it, and
//! the front is told how much of the request the handler has read.

use std::sync::Arc;

use pyo3::prelude::*;

use super::call::Call;
use super::engine::Engine;
use super::reply::ReplyEnd;
use super::upload::{Received, Upload};
use owt_common::wire::{CHUNK, Kind, ReplyHead};

impl Engine {
    /// Sends a reply whose body is complete, and blocks while the window is closed.
    pub(super) fn send_whole(
        self: &Arc<Self>,
        py: Python<'_>,
        call: &Call,
        head: &ReplyHead<'_>,
        body: &[u8],
    ) {
        let (first, rest) = body.split_at(body.len().min(CHUNK));
        call.reply.push_head(head, first);
        if rest.is_empty() {
            call.reply.end(&ReplyEnd::WithHead);
        } else {
            self.send(py, call, rest);
            call.reply.end(&ReplyEnd::Complete);
        }
    }

    /// Sends a chunk of any size, and blocks while the window is closed; `false` once the call was
    /// cancelled.
    pub(super) fn send(self: &Arc<Self>, py: Python<'_>, call: &Call, chunk: &[u8]) -> bool {
        chunk.chunks(CHUNK).all(|piece| {
            let may_send = call.reply.push_piece(piece);
            if may_send && self.coalesces(call) {
                return !call.is_cancelled();
            }
            if !may_send {
                self.yield_leadership();
            }
            py.detach(|| {
                call.channel().flush();
                if !may_send {
                    self.wait_without_slot(call, || call.reply.window.wait());
                }
            });
            !call.is_cancelled()
        })
    }

    /// Sends a chunk of any size, whether the window is open or not; `false` if no more may be sent for now.
    pub(super) fn send_nowait(&self, py: Python<'_>, call: &Call, chunk: &[u8]) -> bool {
        let may_send = call.reply.push_chunk(chunk);
        if !self.coalesces(call) {
            py.detach(|| call.channel().flush());
        }
        may_send
    }

    /// Whether a chunk may wait for those that come in the next moment, as it will be sent soon. To
    /// write each of a thousand small chunks would take longer than to make them.
    pub(super) fn coalesces(&self, call: &Call) -> bool {
        let may_wait = !call.channel().is_flush_due();
        if may_wait {
            self.monitor.request_flush();
        }
        may_wait
    }

    /// Waits for the client, or until the call is cancelled. Other calls have its slot meanwhile, so
    /// clients that stall do not use up their adaptor's share.
    fn wait_without_slot<T>(self: &Arc<Self>, call: &Call, wait: impl FnOnce() -> T) -> T {
        let had_slot = self.release_slot(call);
        let outcome = wait();
        if had_slot {
            self.reclaim_slot(call);
        }
        outcome
    }

    /// Reads the next chunk of the request's body, and blocks until there is one.
    pub(super) fn receive(
        self: &Arc<Self>,
        py: Python<'_>,
        call: &Call,
        upload: &Upload,
    ) -> Received {
        let received = try_receive(call, upload);
        if received != Received::Nothing {
            return received;
        }
        self.yield_leadership();
        py.detach(|| {
            call.channel().flush();
            let received = self.wait_without_slot(call, || upload.receive());
            update_window(call, upload, received)
        })
    }
}

/// Reads the next chunk of the request's body, if there is one.
pub(super) fn try_receive(call: &Call, upload: &Upload) -> Received {
    update_window(call, upload, upload.try_receive())
}

fn update_window(call: &Call, upload: &Upload, received: Received) -> Received {
    if let Received::Chunk(chunk) = &received
        && let Some(read) = upload.window_update(chunk.len())
    {
        call.channel().push(Kind::BodyWindowUpdate, &read.to_le_bytes());
    }
    received
}
