//! One front thread's end of the socket to one worker. Frames of all calls that the thread has at
//! that worker share it, and go out as one write where several are waiting.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::os::unix::net::UnixStream as StdStream;
use std::rc::Rc;

use bytes::BytesMut;
use owt_core::{Death, Digest, Error};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::pending::{Outcome, Pending};
use crate::wire::{self, Failure, Frame, Garbled, Kind, ReplyHead};

/// Bytes that may wait for a worker before the sender of a large body waits too.
const HIGH_WATER: usize = 1 << 20;

#[derive(Default)]
pub(super) struct Link {
    state: RefCell<State>,
    /// Frames wait to be written.
    has_frames: Notify,
    /// Frames have been written.
    has_room: Notify,
}

#[derive(Default)]
struct State {
    outbox: Vec<u8>,
    calls: HashMap<u32, Rc<Pending>>,
    last_id: u32,
    /// Digests whose source this worker was sent over this link.
    told: HashSet<Digest>,
    tasks: Vec<JoinHandle<()>>,
}

impl Link {
    /// Registers a call; frames for it go by this number.
    pub(super) fn open(&self) -> (u32, Rc<Pending>) {
        let state = &mut *self.state.borrow_mut();
        // Numbers come again only after four billion calls.
        state.last_id = state.last_id.wrapping_add(1);
        let pending = Rc::new(Pending::default());
        state.calls.insert(state.last_id, pending.clone());
        (state.last_id, pending)
    }

    /// Forgets a call. If the worker has not ended it, it is told that nobody waits any more.
    pub(super) fn close(&self, id: u32) {
        if self.state.borrow_mut().calls.remove(&id).is_some() {
            self.push(Kind::Cancel, id, b"");
        }
    }

    pub(super) fn push(&self, kind: Kind, id: u32, raw: &[u8]) {
        self.push_with(|outbox| wire::push(outbox, kind, id, raw));
    }

    pub(super) fn push_with(&self, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.state.borrow_mut().outbox);
        self.has_frames.notify_one();
    }

    /// Whether this worker is still to be sent the source; from now on it is not.
    pub(super) fn tell(&self, digest: Digest) -> bool {
        self.state.borrow_mut().told.insert(digest)
    }

    /// Waits while too much waits to be written.
    pub(super) async fn wait_for_room(&self) {
        while self.state.borrow().outbox.len() > HIGH_WATER {
            self.has_room.notified().await;
        }
    }

    /// Starts to move frames over the socket of a worker that has just come up.
    pub(super) fn connect(self: &Rc<Self>, socket: StdStream) {
        let socket = socket.set_nonblocking(true).and_then(|()| UnixStream::from_std(socket));
        let Ok(socket) = socket else {
            return self.fail(Death::Lost);
        };
        let (incoming, outgoing) = socket.into_split();
        let (reader, writer) = (self.clone(), self.clone());
        self.state.borrow_mut().tasks = vec![
            tokio::task::spawn_local(async move { reader.read(incoming).await }),
            tokio::task::spawn_local(async move { writer.write(outgoing).await }),
        ];
    }

    /// The worker has died: every call that is at it fails, and the next worker starts from nothing.
    pub(super) fn fail(&self, death: Death) {
        let state = std::mem::take(&mut *self.state.borrow_mut());
        self.state.borrow_mut().last_id = state.last_id;
        state.tasks.iter().for_each(JoinHandle::abort);
        for pending in state.calls.values() {
            pending.fail(Error::WorkerDied(death));
        }
        self.has_room.notify_waiters();
    }

    async fn write(&self, mut socket: OwnedWriteHalf) {
        let mut batch = Vec::new();
        loop {
            std::mem::swap(&mut batch, &mut self.state.borrow_mut().outbox);
            if batch.is_empty() {
                self.has_frames.notified().await;
                continue;
            }
            // A worker that has closed its end has died, and its supervisor tells how.
            if socket.write_all(&batch).await.is_err() {
                return;
            }
            batch.clear();
            self.has_room.notify_waiters();
        }
    }

    async fn read(&self, mut socket: OwnedReadHalf) {
        let mut buffer = BytesMut::with_capacity(wire::CHUNK);
        while let Ok(1..) = socket.read_buf(&mut buffer).await {
            loop {
                match wire::pull(&mut buffer)
                    .and_then(|frame| frame.map(|frame| self.take(frame)).transpose())
                {
                    Ok(Some(())) => {}
                    Ok(None) => break,
                    Err(err) => return self.garbled(&err),
                }
            }
            buffer.reserve(wire::CHUNK);
        }
    }

    /// What a worker sends cannot be read: native code has overwritten its memory, or the like.
    fn garbled(&self, err: &Garbled) {
        tracing::error!("a worker sent {err}; nothing more is read from it");
        for (_, pending) in self.state.borrow_mut().calls.drain() {
            pending.fail(Error::WorkerDied(Death::Lost));
        }
    }

    fn take(&self, frame: Frame) -> Result<(), Garbled> {
        let (kind, id) = (frame.kind, frame.id);
        let Some(pending) = self.state.borrow().calls.get(&id).cloned() else {
            return Ok(()); // Nobody waits for it any more.
        };
        let is_over = match kind {
            Kind::Head => {
                let (head, first) = frame.split_head::<ReplyHead<'static>>()?;
                let is_whole = head.length == Some(first.len() as u64);
                pending.outcome(Outcome::Head(Box::new(head), first));
                is_whole
            }
            Kind::Chunk => {
                pending.chunk(frame.payload);
                false
            }
            Kind::End => {
                pending.end(Ok(()));
                true
            }
            Kind::Broken => {
                pending.end(Err(Error::AdaptorRaised("the reply broke off".to_owned())));
                true
            }
            Kind::NeedSource => {
                pending.outcome(Outcome::NeedSource);
                true
            }
            Kind::Fail => {
                let (failure, _) = frame.split_head::<Failure<'static>>()?;
                let err = Error::from_worker(&failure.code, failure.text.into_owned());
                pending.outcome(Outcome::Failed(err, (failure.load_us, failure.run_us)));
                true
            }
            other => return Err(Garbled::Kind(other as u8)),
        };
        if is_over {
            self.state.borrow_mut().calls.remove(&id);
        }
        Ok(())
    }
}
