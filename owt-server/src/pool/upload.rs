//! A request's body on its way to a call that is running: no faster than the handler takes it.

use std::cell::{Cell, RefCell};
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
use crate::wire::{CHUNK, Kind, SendWindow};

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

/// How much of a body the handler lets us send.
#[derive(Default)]
pub(super) struct Window {
    send: RefCell<SendWindow>,
    is_closed: Cell<bool>,
    has_changed: Notify,
}

impl Window {
    /// The handler has read so many bytes.
    pub(super) fn update(&self, bytes: usize) {
        self.send.borrow_mut().update(bytes);
        self.has_changed.notify_one();
    }

    /// The call is over, and reads nothing more.
    pub(super) fn close(&self) {
        self.is_closed.set(true);
        self.has_changed.notify_one();
    }

    pub(super) fn consume(&self, bytes: usize) {
        self.send.borrow_mut().consume(bytes);
    }

    /// Waits until more may be sent; `false` once the call is over.
    async fn is_open(&self) -> bool {
        while !self.is_closed.get() && !self.send.borrow().is_open() {
            self.has_changed.notified().await;
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
            if !window.is_open().await {
                return;
            }
            window.consume(piece.len());
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
