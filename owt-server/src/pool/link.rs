//! One front thread's end of the socket to one worker. Frames of all calls that the thread has at
//! that worker share it, and go out as one write where several are waiting.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::future::poll_fn;
use std::os::unix::net::UnixStream as StdStream;
use std::rc::Rc;
use std::sync::Arc;

use bytes::BytesMut;
use owt_core::{Death, Digest, Error};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::Shared;
use super::calls::About;
use super::ending::Ending;
use super::life::{Lease, Life, Wear};
use super::pending::{Outcome, Pending};
use super::upload::Window;
use crate::tally::Tally;
use crate::wire::{self, Failure, Frame, FrameError, Kind, ReplyHead};

/// Bytes that may wait for a worker before the sender of a large body waits too.
const HIGH_WATER: usize = 1 << 20;

/// Bytes of a buffer that are kept when it is empty.
const KEPT: usize = 256 * 1024;

/// How many digests a link remembers; a worker asks for source that it was not sent.
const MOST_TOLD: usize = 8192;

pub(super) struct Link {
    pub(super) shared: Arc<Shared>,
    tally: Rc<RefCell<Tally>>,
    pub(super) state: RefCell<State>,
    /// Frames wait to be written.
    has_frames: Notify,
    /// Frames have been written, or calls have ended.
    pub(super) has_moved: Notify,
}

#[derive(Default)]
pub(super) struct State {
    outbox: Vec<u8>,
    pub(super) calls: HashMap<u32, Rc<Pending>>,
    /// Calls that were cancelled and have not ended yet.
    pub(super) ending: HashMap<u32, Ending>,
    /// The windows of bodies that are on their way to their calls.
    uploads: HashMap<u32, Rc<Window>>,
    last_id: u32,
    /// The worker at the other end, once there is one.
    worker: Option<Worker>,
    /// Why there is none, once calls do not wait for it any more.
    unavailable: Option<Arc<str>>,
    is_retired: bool,
    /// Digests whose source this worker was sent over this link.
    told: HashSet<Digest>,
    tasks: Vec<JoinHandle<()>>,
}

struct Worker {
    /// Its place among the workers.
    number: usize,
    life: Arc<Life>,
    /// Kept as long as this link may wait for anything of it.
    lease: Option<Lease>,
}

impl State {
    /// Nobody waits for calls that are abandoned.
    fn under_way(&self) -> usize {
        self.calls.len() + self.ending.values().filter(|ending| !ending.is_abandoned()).count()
    }
}

/// A question that is open. It ran nothing, and so has nothing to end.
struct Asked<'a> {
    link: &'a Link,
    id: u32,
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        self.link.state.borrow_mut().calls.remove(&self.id);
        self.link.give_back();
    }
}

impl Link {
    pub(super) fn new(shared: Arc<Shared>, tally: Rc<RefCell<Tally>>) -> Rc<Self> {
        let (state, has_frames, has_moved) = Default::default();
        Rc::new(Self { shared, tally, state, has_frames, has_moved })
    }

    /// Registers a call; frames for it go by this number.
    pub(super) fn open(&self, about: Option<About>) -> (u32, Rc<Pending>) {
        let state = &mut *self.state.borrow_mut();
        // Numbers come again only after four billion calls.
        state.last_id = state.last_id.wrapping_add(1);
        let pending = Rc::new(Pending::new(about));
        state.calls.insert(state.last_id, pending.clone());
        (state.last_id, pending)
    }

    /// Says how much of a call's body may be sent, as long as the call is open.
    pub(super) fn open_upload(&self, id: u32) -> Rc<Window> {
        let window = Rc::new(Window::default());
        self.state.borrow_mut().uploads.insert(id, window.clone());
        window
    }

    pub(super) fn close_upload(&self, id: u32) {
        let upload = self.state.borrow_mut().uploads.remove(&id);
        upload.inspect(|window| window.close());
    }

    /// Adds to what this thread of the front has counted.
    pub(super) fn count(&self, add: impl FnOnce(&mut Tally)) {
        add(&mut self.tally.borrow_mut());
    }

    /// The worker at the other end, once there is one.
    pub(super) fn life(&self) -> Option<Arc<Life>> {
        self.state.borrow().worker.as_ref().map(|worker| worker.life.clone())
    }

    /// The worker's place among the workers.
    pub(super) fn number(&self) -> usize {
        self.state.borrow().worker.as_ref().map_or(0, |worker| worker.number)
    }

    /// No more calls come over this link; the worker may go once those that it has are over.
    pub(super) fn retire(&self) {
        self.state.borrow_mut().is_retired = true;
        self.give_back();
    }

    /// Lets a retired worker go if this link waits for nothing of it any more.
    fn give_back(&self) {
        let state = &mut *self.state.borrow_mut();
        if state.is_retired && state.under_way() == 0 {
            state.worker.as_mut().and_then(|worker| worker.lease.take());
        }
    }

    pub(super) fn leads_to(&self, life: &Arc<Life>) -> bool {
        self.state.borrow().worker.as_ref().is_some_and(|worker| Arc::ptr_eq(&worker.life, life))
    }

    /// Waits until this worker is no longer at the other end.
    pub(super) async fn gone(&self, life: &Arc<Life>) {
        while self.leads_to(life) {
            self.has_moved.notified().await;
        }
    }

    /// The calls that are at the worker. Those that were cancelled are no more.
    pub(super) fn calls(&self) -> Vec<(u32, Rc<Pending>)> {
        let state = self.state.borrow();
        state.calls.iter().map(|(id, pending)| (*id, pending.clone())).collect()
    }

    /// How many calls have not ended, those that were cancelled among them.
    pub(super) fn under_way(&self) -> usize {
        self.state.borrow().under_way()
    }

    /// Asks the worker something that runs no call.
    pub(super) async fn ask(&self, question: Kind) -> Outcome {
        let (id, pending) = self.open(None);
        let asked = Asked { link: self, id };
        self.push(question, asked.id, b"");
        poll_fn(|cx| pending.poll_outcome(cx)).await
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
        let told = &mut self.state.borrow_mut().told;
        if told.len() >= MOST_TOLD {
            told.clear();
        }
        told.insert(digest)
    }

    /// Waits while too much waits to be written; `false` once the call is over.
    pub(super) async fn has_room(&self, id: u32) -> bool {
        while self.is_open(id) && self.state.borrow().outbox.len() > HIGH_WATER {
            self.has_moved.notified().await;
        }
        self.is_open(id)
    }

    pub(super) fn is_open(&self, id: u32) -> bool {
        self.state.borrow().calls.contains_key(&id)
    }

    /// Starts to move frames over the socket of a worker that has just come up.
    pub(super) fn connect(
        self: &Rc<Self>,
        number: usize,
        life: Arc<Life>,
        lease: Lease,
        socket: StdStream,
    ) {
        let worker = Some(Worker { number, life, lease: Some(lease) });
        self.state.borrow_mut().worker = worker;
        self.state.borrow_mut().unavailable = None;
        let socket = socket.set_nonblocking(true).and_then(|()| UnixStream::from_std(socket));
        let Ok(socket) = socket else {
            return self.broken();
        };
        let (incoming, outgoing) = socket.into_split();
        let (reader, writer) = (self.clone(), self.clone());
        self.state.borrow_mut().tasks = vec![
            tokio::task::spawn_local(async move { reader.read(incoming).await }),
            tokio::task::spawn_local(async move { writer.write(outgoing).await }),
        ];
    }

    /// No worker comes for now: calls that wait for one fail, and so do others until it comes.
    pub(super) fn unavailable(&self, reason: Arc<str>) {
        self.fail(&Error::WorkerUnavailable(reason.to_string()));
        self.state.borrow_mut().unavailable = Some(reason);
    }

    /// Why calls do not wait here for a worker, if so.
    pub(super) fn check_available(&self) -> Result<(), Error> {
        match &self.state.borrow().unavailable {
            Some(reason) => Err(Error::WorkerUnavailable(reason.to_string())),
            None => Ok(()),
        }
    }

    /// The worker has died: every call that is at it fails, and the next worker starts from nothing.
    pub(super) fn fail(&self, err: &Error) {
        let state = std::mem::take(&mut *self.state.borrow_mut());
        self.state.borrow_mut().last_id = state.last_id;
        state.tasks.iter().for_each(JoinHandle::abort);
        // Calls that wait to be sent to it are for the next one.
        state.worker.inspect(|worker| worker.life.condemn(Death::Lost));
        for pending in state.calls.values() {
            pending.fail(err.clone());
        }
        state.uploads.values().for_each(|window| window.close());
        self.has_moved.notify_waiters();
    }

    async fn write(&self, mut socket: OwnedWriteHalf) {
        let mut batch = Vec::new();
        loop {
            std::mem::swap(&mut batch, &mut self.state.borrow_mut().outbox);
            if batch.is_empty() {
                self.has_frames.notified().await;
                continue;
            }
            if socket.write_all(&batch).await.is_err() {
                return self.broken();
            }
            batch.clear();
            batch.shrink_to(KEPT);
            self.has_moved.notify_waiters();
        }
    }

    async fn read(self: &Rc<Self>, mut socket: OwnedReadHalf) {
        let mut buffer = BytesMut::with_capacity(wire::CHUNK);
        while let Ok(1..) = socket.read_buf(&mut buffer).await {
            loop {
                match wire::pull(&mut buffer)
                    .and_then(|frame| frame.map(|frame| self.take(frame)).transpose())
                {
                    Ok(Some(())) => {}
                    Ok(None) => break,
                    Err(err) => {
                        tracing::error!("a worker sent {err}");
                        return self.broken();
                    }
                }
            }
            buffer.reserve(wire::CHUNK);
        }
        self.broken();
    }

    /// Nothing can be read or written any more. The worker has died, and its supervisor will tell
    /// how; or an adaptor has closed its sockets, and it has to be ended.
    fn broken(&self) {
        self.condemn(Death::Lost);
    }

    /// Has the worker ended, if there is one yet.
    pub(super) fn condemn(&self, death: Death) {
        self.life().inspect(|life| life.condemn(death));
    }

    /// Has the worker replaced gently, if there is one yet.
    pub(super) fn recycle(&self, reason: Wear) {
        self.life().inspect(|life| life.recycle(reason));
    }

    fn take(self: &Rc<Self>, frame: Frame) -> Result<(), FrameError> {
        let (kind, id) = (frame.kind, frame.id);
        if kind == Kind::InternalError {
            self.recycle(Wear::Fault);
            return Ok(());
        }
        if self.take_ending(kind, &frame) {
            self.give_back();
            return Ok(());
        }
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
            Kind::BodyWindowUpdate => {
                let upload = self.state.borrow().uploads.get(&id).cloned();
                upload.inspect(|window| window.update(frame.bytes()));
                false
            }
            Kind::Started => {
                pending.start();
                false
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
                let text = String::from_utf8_lossy(&frame.payload).into_owned();
                pending.end(Err(Error::AdaptorRaised(text)));
                true
            }
            Kind::NeedSource => {
                pending.outcome(Outcome::NeedSource);
                true
            }
            Kind::Fail => {
                let (failure, _) = frame.split_head::<Failure<'static>>()?;
                let err = Error::from_worker(&failure.code, failure.text.into_owned());
                let times = (failure.load_us, failure.run_us);
                pending.outcome(Outcome::Failed(err, times, failure.place.map(Cow::into_owned)));
                true
            }
            other => return Err(FrameError::Kind(other as u8)),
        };
        if is_over {
            self.state.borrow_mut().calls.remove(&id);
            self.close_upload(id);
            self.give_back();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::FutureExt;
    use rstest::rstest;

    use super::*;
    use crate::pool::Recycling;

    /// A link that no worker has come to yet.
    fn link() -> Rc<Link> {
        let (shared, _ears) = Shared::new(1, 1, 1, Duration::from_secs(60), Recycling::default());
        Link::new(shared, Rc::default())
    }

    #[tokio::test]
    async fn there_is_room_until_much_waits_to_be_written() {
        let link = link();
        let (id, _pending) = link.open(None);
        assert_eq!(link.has_room(id).now_or_never(), Some(true));
        link.push(Kind::Body, id, &vec![0; HIGH_WATER]);
        assert_eq!(link.has_room(id).now_or_never(), None);
    }

    #[rstest]
    #[case::its_client_has_gone(|link: &Rc<Link>, id| link.end_early(id, "client-gone"))]
    #[case::the_worker_has_died(|link: &Rc<Link>, _| link.fail(&Error::WorkerDied(Death::Lost)))]
    #[tokio::test]
    async fn nobody_waits_for_room_for_a_call_that_is_over(#[case] end: fn(&Rc<Link>, u32)) {
        let end_it = async {
            let link = link();
            let (id, _pending) = link.open(None);
            link.push(Kind::Body, id, &vec![0; HIGH_WATER]);
            let mut waiting = std::pin::pin!(link.has_room(id));
            assert_eq!(waiting.as_mut().now_or_never(), None);
            end(&link, id);
            assert_eq!(waiting.now_or_never(), Some(false));
            // As it would be where no other worker ever comes to this link.
            link.push(Kind::Body, id, &vec![0; HIGH_WATER]);
            assert_eq!(link.has_room(id).now_or_never(), Some(false));
        };
        tokio::task::LocalSet::new().run_until(end_it).await;
    }
}
