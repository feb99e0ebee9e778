//! A request's body that arrives while its call runs: what has come and not been taken yet.

use std::collections::VecDeque;

use bytes::Bytes;
use parking_lot::{Condvar, Mutex};
use pyo3::prelude::*;

#[derive(Default)]
pub(crate) struct Upload {
    state: Mutex<State>,
    arrived: Condvar,
}

#[derive(Default)]
struct State {
    chunks: VecDeque<Bytes>,
    is_complete: bool,
    /// Nothing more is waited for: the call was cancelled, or is over.
    is_given_up: bool,
    /// To be called when there is something to take.
    waiting: Vec<Py<PyAny>>,
}

/// What there is to take.
#[derive(Debug, PartialEq)]
pub(crate) enum Taken {
    Chunk(Bytes),
    /// Nothing for now.
    Nothing,
    /// The body is complete, and all of it taken.
    End,
    /// The call was cancelled, or is over.
    Gone,
}

impl Upload {
    /// Begins with what came along with the call.
    pub(crate) fn new(first: Bytes) -> Self {
        let upload = Self::default();
        upload.state.lock().chunks.extend(Some(first).filter(|first| !first.is_empty()));
        upload
    }

    /// Adds a chunk; an empty one is the end. Gives back whom to wake: each of those who wait, as any
    /// of them may have stopped waiting.
    pub(crate) fn feed(&self, chunk: Bytes) -> Vec<Py<PyAny>> {
        let mut state = self.state.lock();
        match chunk.is_empty() {
            true => state.is_complete = true,
            false => state.chunks.push_back(chunk),
        }
        self.arrived.notify_all();
        std::mem::take(&mut state.waiting)
    }

    /// No more comes: threads that wait wake up, and whom else to wake is given back.
    pub(crate) fn give_up(&self) -> Vec<Py<PyAny>> {
        let mut state = self.state.lock();
        state.is_given_up = true;
        self.arrived.notify_all();
        std::mem::take(&mut state.waiting)
    }

    pub(crate) fn take(&self) -> Taken {
        self.state.lock().take()
    }

    /// Waits for a chunk, the end, or the cancellation of the call.
    pub(crate) fn wait(&self) -> Taken {
        let mut state = self.state.lock();
        loop {
            match state.take() {
                Taken::Nothing => {
                    self.arrived.wait(&mut state);
                }
                taken => return taken,
            }
        }
    }

    /// Has `callback` called when there is something to take; `true` if there is now.
    pub(crate) fn when_readable(&self, callback: Py<PyAny>) -> bool {
        let mut state = self.state.lock();
        let is_readable = state.is_given_up || state.is_complete || !state.chunks.is_empty();
        if !is_readable {
            state.waiting.push(callback);
        }
        is_readable
    }
}

impl State {
    fn take(&mut self) -> Taken {
        match self.chunks.pop_front() {
            _ if self.is_given_up => Taken::Gone,
            Some(chunk) => Taken::Chunk(chunk),
            None if self.is_complete => Taken::End,
            None => Taken::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, mpsc};
    use std::thread;

    use super::*;

    #[test]
    fn chunks_are_taken_in_their_order_and_then_the_end() {
        let upload = Upload::new(Bytes::from_static(b"a"));
        upload.feed(Bytes::from_static(b"b"));
        assert_eq!(upload.take(), Taken::Chunk(Bytes::from_static(b"a")));
        assert_eq!(upload.wait(), Taken::Chunk(Bytes::from_static(b"b")));
        assert_eq!(upload.take(), Taken::Nothing);
        upload.feed(Bytes::new());
        assert_eq!((upload.wait(), upload.take()), (Taken::End, Taken::End));
    }

    #[test]
    fn who_waits_is_woken_by_a_chunk_and_by_the_end_of_the_call() {
        let upload = Arc::new(Upload::new(Bytes::new()));
        let (taken, seen) = mpsc::channel();
        let waiting = upload.clone();
        thread::spawn(move || while taken.send(waiting.wait()).is_ok() {});
        upload.feed(Bytes::from_static(b"a"));
        assert_eq!(seen.recv().unwrap(), Taken::Chunk(Bytes::from_static(b"a")));
        upload.give_up();
        assert_eq!(seen.recv().unwrap(), Taken::Gone);
    }
}
