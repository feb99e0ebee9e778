//! A request's body that arrives while its call runs: what has been received and not been read yet.

use std::collections::VecDeque;

use bytes::Bytes;
use parking_lot::{Condvar, Mutex};
use pyo3::prelude::*;

use owt_common::wire::ReceiveWindow;

#[derive(Default)]
pub(crate) struct Upload {
    state: Mutex<State>,
    arrived: Condvar,
}

#[derive(Default)]
struct State {
    chunks: VecDeque<Bytes>,
    window: ReceiveWindow,
    is_complete: bool,
    /// The call was cancelled, or is over.
    is_closed: bool,
    /// To be called when there is something to read.
    callbacks: Vec<Py<PyAny>>,
}

/// What a reader gets.
#[derive(Debug, PartialEq)]
pub(crate) enum Received {
    Chunk(Bytes),
    /// Nothing yet.
    Nothing,
    /// The body is complete, and has been read.
    End,
    /// The call was cancelled, or is over.
    Closed,
}

impl Upload {
    /// Begins with what came with the call.
    pub(crate) fn new(first: Bytes) -> Self {
        let upload = Self::default();
        upload.state.lock().chunks.extend(Some(first).filter(|first| !first.is_empty()));
        upload
    }

    /// Adds a chunk; an empty one is the end. Returns the callbacks of those who wait: all of them,
    /// because any may have stopped waiting.
    pub(crate) fn push(&self, chunk: Bytes) -> Vec<Py<PyAny>> {
        let mut state = self.state.lock();
        match chunk.is_empty() {
            true => state.is_complete = true,
            false => state.chunks.push_back(chunk),
        }
        self.arrived.notify_all();
        std::mem::take(&mut state.callbacks)
    }

    /// Wakes the threads that wait, and returns the callbacks of others: nothing more is read.
    pub(crate) fn close(&self) -> Vec<Py<PyAny>> {
        let mut state = self.state.lock();
        state.is_closed = true;
        self.arrived.notify_all();
        std::mem::take(&mut state.callbacks)
    }

    pub(crate) fn try_receive(&self) -> Received {
        self.state.lock().try_receive()
    }

    /// Blocks until there is a chunk, the end, or the call is cancelled.
    pub(crate) fn receive(&self) -> Received {
        let mut state = self.state.lock();
        loop {
            match state.try_receive() {
                Received::Nothing => self.arrived.wait(&mut state),
                received => return received,
            }
        }
    }

    /// Counts bytes that the handler has read; the bytes to report in a window update, if any.
    pub(crate) fn window_update(&self, bytes: usize) -> Option<u32> {
        self.state.lock().window.read(bytes)
    }

    /// Registers `callback` for when there is something to read, unless there is now: `true`.
    pub(crate) fn when_readable(&self, callback: Py<PyAny>) -> bool {
        let mut state = self.state.lock();
        let is_readable = state.is_closed || state.is_complete || !state.chunks.is_empty();
        if !is_readable {
            state.callbacks.push(callback);
        }
        is_readable
    }
}

impl State {
    fn try_receive(&mut self) -> Received {
        match self.chunks.pop_front() {
            _ if self.is_closed => Received::Closed,
            Some(chunk) => Received::Chunk(chunk),
            None if self.is_complete => Received::End,
            None => Received::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, mpsc};
    use std::thread;

    use super::*;

    #[test]
    fn chunks_are_received_in_order_and_then_the_end() {
        let upload = Upload::new(Bytes::from_static(b"a"));
        upload.push(Bytes::from_static(b"b"));
        assert_eq!(upload.try_receive(), Received::Chunk(Bytes::from_static(b"a")));
        assert_eq!(upload.receive(), Received::Chunk(Bytes::from_static(b"b")));
        assert_eq!(upload.try_receive(), Received::Nothing);
        upload.push(Bytes::new());
        assert_eq!((upload.receive(), upload.try_receive()), (Received::End, Received::End));
    }

    #[test]
    fn a_reader_that_waits_is_woken_by_a_chunk_and_by_the_end_of_the_call() {
        let upload = Arc::new(Upload::new(Bytes::new()));
        let (received, seen) = mpsc::channel();
        let waiting = upload.clone();
        thread::spawn(move || while received.send(waiting.receive()).is_ok() {});
        upload.push(Bytes::from_static(b"a"));
        assert_eq!(seen.recv().unwrap(), Received::Chunk(Bytes::from_static(b"a")));
        upload.close();
        assert_eq!(seen.recv().unwrap(), Received::Closed);
    }
}
