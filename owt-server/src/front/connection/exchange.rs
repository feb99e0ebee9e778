//! What a connection is doing: shared by the stream under actix-web and the handler above it.

use std::cell::{Cell, RefCell};
use std::net::IpAddr;
use std::rc::Rc;
use std::task::Waker;

use super::super::auth::Trust;
use super::super::connections::Open;

/// How far the request and the answer of the moment have come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    /// No request is under way.
    Idle,
    /// actix-web has been given the head of a request, and nobody else.
    Received,
    /// A handler has the request.
    Handled,
    /// All of the answer has been made, and not all of it written.
    Answered,
}

/// One connection, as far as it concerns those that answer over it.
#[derive(Debug)]
pub(crate) struct Exchange {
    stage: Cell<Stage>,
    /// Whether actix-web has been given all of the request.
    is_received: Cell<bool>,
    /// Whether what is left of the body gives no event of its own.
    has_silent_rest: Cell<bool>,
    is_closing: Cell<bool>,
    /// Wakes what serves this connection.
    waker: RefCell<Option<Waker>>,
    is_secure: bool,
    /// The address of the client, as handlers see it; empty where it has none.
    remote_addr: String,
    trust: Trust,
    /// Requests of HTTP/2 that are under way.
    streams: Cell<usize>,
    _open: Open,
}

/// A request of HTTP/2 that is under way.
#[derive(Debug)]
pub(crate) struct OpenStream(Rc<Exchange>);

impl Exchange {
    pub(crate) fn new(is_secure: bool, peer: Option<IpAddr>, open: Open) -> Self {
        let (is_received, has_silent_rest, is_closing, waker, trust, streams) = Default::default();
        let stage = Cell::new(Stage::Idle);
        Self {
            stage,
            is_received,
            has_silent_rest,
            is_closing,
            waker,
            is_secure,
            remote_addr: peer.map(|peer| peer.to_string()).unwrap_or_default(),
            trust,
            streams,
            _open: open,
        }
    }

    /// By what its requests have been recognised.
    pub(crate) fn trust(&self) -> &Trust {
        &self.trust
    }

    /// Whether there is TLS.
    pub(crate) fn is_secure(&self) -> bool {
        self.is_secure
    }

    pub(crate) fn remote_addr(&self) -> &str {
        &self.remote_addr
    }

    /// Counts a request of HTTP/2 for as long as what is given back is kept.
    pub(crate) fn open_stream(self: &Rc<Self>) -> OpenStream {
        self.streams.set(self.streams.get() + 1);
        OpenStream(self.clone())
    }

    /// How many requests of HTTP/2 are under way.
    pub(crate) fn streams(&self) -> usize {
        self.streams.get()
    }

    /// A handler takes the request.
    pub(crate) fn handle(&self) {
        self.stage.set(Stage::Handled);
    }

    /// Whether actix-web has been given all of the request. Until then, what the client sends
    /// belongs to it, and an answer that does not wait for that is the last one.
    pub(crate) fn is_received(&self) -> bool {
        self.is_received.get()
    }

    /// The head of a request is passed on.
    pub(super) fn receive(&self, is_chunked: bool) {
        self.stage.set(Stage::Received);
        self.is_received.set(false);
        self.has_silent_rest.set(is_chunked);
    }

    pub(super) fn receive_all(&self) {
        self.is_received.set(true);
    }

    /// The answer has been made to its end, or is given up.
    pub(super) fn end_answer(&self) {
        self.stage.set(Stage::Answered);
        if !self.is_received.get() {
            return self.close();
        }
        if self.has_silent_rest.get() {
            // actix-web reads chunks that nobody wants to their end, but not before it is woken.
            self.wake();
        }
    }

    /// What was made has been written: the next request may come.
    pub(super) fn flushed(&self) -> bool {
        let is_over = self.stage.get() == Stage::Answered;
        if is_over {
            self.stage.set(Stage::Idle);
        }
        is_over
    }

    pub(super) fn is_idle(&self) -> bool {
        self.stage.get() == Stage::Idle
    }

    /// Whether what is written now is actix-web's own.
    pub(super) fn is_unhandled(&self) -> bool {
        matches!(self.stage.get(), Stage::Idle | Stage::Received)
    }

    /// Ends the connection once all that was made has been written.
    pub(crate) fn close(&self) {
        self.is_closing.set(true);
        self.wake();
    }

    pub(super) fn is_closing(&self) -> bool {
        self.is_closing.get()
    }

    pub(super) fn wake_with(&self, waker: &Waker) {
        let known = &mut *self.waker.borrow_mut();
        if !known.as_ref().is_some_and(|known| known.will_wake(waker)) {
            *known = Some(waker.clone());
        }
    }

    fn wake(&self) {
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.0.streams.set(self.0.streams.get() - 1);
    }
}
