//! The flow-control window of a reply, and who waits for it to open: threads, and coroutines by a
//! callback.

use parking_lot::{Condvar, Mutex};
use pyo3::prelude::*;

use owt_common::wire::SendWindow;

#[derive(Default)]
pub(crate) struct ReplyWindow {
    state: Mutex<State>,
    opened: Condvar,
}

#[derive(Default)]
struct State {
    send: SendWindow,
    /// The call was cancelled: nobody waits any more.
    is_closed: bool,
    /// To be called when the window opens.
    callback: Option<Py<PyAny>>,
}

impl State {
    fn may_send(&self) -> bool {
        self.send.is_open() || self.is_closed
    }
}

impl ReplyWindow {
    /// Counts bytes that are sent; `false` if no more may be sent for now.
    pub(super) fn consume(&self, bytes: usize) -> bool {
        let mut state = self.state.lock();
        state.send.consume(bytes);
        state.send.is_open()
    }

    /// Counts bytes that the client has read. Returns a callback that is due.
    pub(super) fn update(&self, bytes: usize) -> Option<Py<PyAny>> {
        let mut state = self.state.lock();
        state.send.update(bytes);
        if !state.send.is_open() {
            return None;
        }
        self.opened.notify_all();
        state.callback.take()
    }

    /// Wakes the threads that wait. The event loop cancels its tasks by itself.
    pub(super) fn close(&self) {
        self.state.lock().is_closed = true;
        self.opened.notify_all();
    }

    /// Blocks until more may be sent, or the window is closed.
    pub(super) fn wait(&self) {
        let mut state = self.state.lock();
        self.opened.wait_while(&mut state, |state| !state.may_send());
    }

    pub(super) fn may_send(&self) -> bool {
        self.state.lock().may_send()
    }

    /// Registers `callback` for when more may be sent, unless it may be now: `true`.
    pub(super) fn when_open(&self, callback: Py<PyAny>) -> bool {
        let mut state = self.state.lock();
        let may_send = state.may_send();
        if !may_send {
            state.callback = Some(callback);
        }
        may_send
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    /// What a thread that waits for the window sees after `open`.
    fn wait_until(open: impl FnOnce(&ReplyWindow)) -> bool {
        let window = ReplyWindow::default();
        assert!(!window.consume(usize::MAX));
        let (done, is_done) = mpsc::channel();
        thread::scope(|scope| {
            scope.spawn(|| {
                window.wait();
                done.send(()).unwrap();
            });
            assert!(is_done.try_recv().is_err());
            open(&window);
            is_done.recv().unwrap();
        });
        window.may_send()
    }

    #[test]
    fn a_thread_waits_until_the_client_has_read() {
        assert!(wait_until(|window| drop(window.update(usize::MAX))));
    }

    #[test]
    fn a_thread_waits_no_longer_than_until_its_call_is_cancelled() {
        assert!(wait_until(ReplyWindow::close));
    }
}
