//! A request's body on its way to a call that is running: no faster than the handler takes it.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::LocalBoxStream;
use owt_core::Error;
use tokio::sync::Notify;

use super::claims::Claim;
use super::link::Link;
use super::pending::Pending;
use crate::buffers::Held;
use crate::spool::Spool;
use crate::wire::{CHUNK, Kind, WINDOW};

/// The rest of a body. After an error comes nothing.
pub(crate) type Upload = LocalBoxStream<'static, Result<Bytes, Error>>;

/// What belongs to a call as long as it lasts, and is no part of it.
#[derive(Default)]
pub(crate) struct Attached {
    /// What follows `call.request.body`.
    pub(crate) upload: Option<Upload>,
    /// The files of its parts.
    pub(crate) spool: Option<Spool>,
    /// The memory that its body takes.
    pub(crate) held: Option<Held>,
    /// The right to its id, if its client has chosen that.
    pub(crate) claim: Option<Arc<Claim>>,
}

/// How many bytes the handler still has room for.
pub(super) struct Window {
    room: Cell<isize>,
    is_closed: Cell<bool>,
    has_moved: Notify,
}

impl Default for Window {
    fn default() -> Self {
        Self {
            room: Cell::new(WINDOW.cast_signed()),
            is_closed: Cell::new(false),
            has_moved: Notify::new(),
        }
    }
}

impl Window {
    /// The handler has taken so many bytes.
    pub(super) fn widen(&self, bytes: usize) {
        self.room.set(self.room.get().saturating_add_unsigned(bytes));
        self.has_moved.notify_one();
    }

    /// The call is over, and takes nothing more.
    pub(super) fn close(&self) {
        self.is_closed.set(true);
        self.has_moved.notify_one();
    }

    pub(super) fn spend(&self, bytes: usize) {
        self.room.set(self.room.get().saturating_sub_unsigned(bytes));
    }

    /// Waits until there is room; `false` once the call is over.
    async fn has_room(&self) -> bool {
        while !self.is_closed.get() && self.room.get() <= 0 {
            self.has_moved.notified().await;
        }
        !self.is_closed.get()
    }
}

/// Sends a body on as it arrives. One that breaks off, or is too large, ends its call.
pub(super) async fn pump(
    link: Rc<Link>,
    id: u32,
    pending: Rc<Pending>,
    window: Rc<Window>,
    mut upload: Upload,
) {
    while let Some(chunk) = upload.next().await {
        let chunk = match chunk {
            Ok(chunk) => chunk,
            Err(err) => {
                pending.fail(err);
                return link.end_early(id, "body-broken");
            }
        };
        for piece in pieces(&chunk) {
            if !window.has_room().await {
                return;
            }
            window.spend(piece.len());
            link.push(Kind::Body, id, &piece);
        }
    }
    link.push(Kind::BodyEnd, id, b"");
}

/// Bytes in pieces that fit a frame.
pub(super) fn pieces(bytes: &Bytes) -> impl Iterator<Item = Bytes> {
    let ends = (0..bytes.len()).step_by(CHUNK);
    ends.map(|at| bytes.slice(at..bytes.len().min(at + CHUNK)))
}
