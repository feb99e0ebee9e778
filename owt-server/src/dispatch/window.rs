//! How much of a request's body may be sent to its call: no more than the handler reads.

use std::cell::{Cell, RefCell};

use tokio::sync::Notify;

use owt_common::wire::SendWindow;

/// How much of a body the handler lets us send.
#[derive(Default)]
pub(super) struct Window {
    send: RefCell<SendWindow>,
    is_closed: Cell<bool>,
    changed: Notify,
}

impl Window {
    /// The handler has read so many bytes.
    pub(super) fn update(&self, bytes: usize) {
        self.send.borrow_mut().update(bytes);
        self.changed.notify_one();
    }

    /// The call is over, and reads nothing more.
    pub(super) fn close(&self) {
        self.is_closed.set(true);
        self.changed.notify_one();
    }

    pub(super) fn consume(&self, bytes: usize) {
        self.send.borrow_mut().consume(bytes);
    }

    /// Waits until more may be sent; `false` once the call is over.
    pub(super) async fn is_open(&self) -> bool {
        while !self.is_closed.get() && !self.send.borrow().is_open() {
            self.changed.notified().await;
        }
        !self.is_closed.get()
    }
}
