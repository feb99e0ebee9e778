//! The [`Executor`] of one front thread: it sends calls to the worker that their adaptor lives in,
//! and hands their replies on as they come.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_core::Stream;
use futures_util::future::join_all;
use owt_core::{Call, Code, Digest, Error, Executor, Failure, Reply, ReplyBody, ReplyHead, Timing};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::calls::About;
use super::lines::Lines;
use super::link::Link;
use super::pending::{Outcome, Pending};
use super::upload::{Attached, Upload, pieces, pump};
use super::{Event, Shared};
use crate::spool::Spool;
use crate::tally::Tally;
use crate::wire::{self, CallHead, Kind, ReceiveWindow, held_bytes};

/// How long a worker may take to say what it has loaded.
const LIST_LIMIT: Duration = Duration::from_secs(1);

/// One front thread's way to all workers.
pub(crate) struct Links {
    pub(super) lines: Lines,
    shared: Arc<Shared>,
    /// How long any call may run.
    timeout: Option<Duration>,
    /// Requests that are under way in this thread.
    pub(super) requests: Rc<Cell<usize>>,
    /// What this thread has counted.
    pub(super) tally: Rc<RefCell<Tally>>,
}

impl Links {
    /// Makes the links and listens for workers that come and go. Runs on this thread's own loop.
    pub(crate) fn new(
        shared: Arc<Shared>,
        timeout: Option<Duration>,
        mut events: mpsc::UnboundedReceiver<Event>,
    ) -> Rc<Self> {
        let tally = Rc::<RefCell<Tally>>::default();
        let lines = Lines::new(shared.clone(), tally.clone());
        let this = Rc::new(Self { lines, shared, timeout, requests: Rc::default(), tally });
        let listening = this.clone();
        tokio::task::spawn_local(async move {
            while let Some(event) = events.recv().await {
                match event {
                    Event::Visit(visit) => visit(&listening),
                    other => listening.lines.take(other),
                }
            }
        });
        this
    }

    /// Adds to what this thread has counted.
    pub(crate) fn count(&self, add: impl FnOnce(&mut Tally)) {
        add(&mut self.tally.borrow_mut());
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Drops an adaptor in every worker, and its source here; whether the source was known.
    pub(crate) fn forget(&self, digest: Digest) -> bool {
        for link in self.lines.all() {
            link.push(Kind::Forget, 0, &digest.0);
        }
        self.shared.sources.remove(digest)
    }

    /// What each worker has loaded: one JSON array a worker. One that does not answer soon is left
    /// out: it is the busy one that somebody wants to look at.
    pub(crate) async fn list(&self) -> Vec<Bytes> {
        let links = self.lines.present();
        let asked = links.iter().map(|link| timeout(LIST_LIMIT, link.ask(Kind::List)));
        let answers = join_all(asked).await.into_iter();
        let lists = answers.filter_map(|answer| match answer {
            Ok(Outcome::Head(_, list)) => Some(list),
            _ => None,
        });
        lists.collect()
    }

    /// Remembers source, so that the next call may name it by its digest.
    pub(crate) fn remember(&self, code: &Code) {
        if let Code::Source(source) = code {
            self.shared.sources.insert(source.digest(), source.text());
        }
    }

    /// The source of a call, if this server has it.
    fn source(&self, code: &Code) -> Result<Arc<str>, Error> {
        match code {
            Code::Source(source) => {
                self.remember(code);
                Ok(source.text().clone())
            }
            Code::Known(digest) => {
                self.shared.sources.get(*digest).ok_or(Error::CodeUnknown(*digest))
            }
        }
    }
}

impl Executor for Links {
    type Stream = ReplyStream;

    async fn execute(&self, call: Call) -> Result<Reply<ReplyStream>, Failure> {
        self.run(call, Attached::default()).await
    }
}

impl Links {
    /// Runs a call. The rest of its body goes to it while it runs, and its files stay until its end.
    pub(crate) async fn run(
        &self,
        call: Call,
        attached: Attached,
    ) -> Result<Reply<ReplyStream>, Failure> {
        // As long as the call itself is here, so is its body.
        let Attached { mut upload, mut spool, claim, held: _held } = attached;
        let began = Instant::now();
        let digest = call.code.digest();
        let source = self.source(&call.code)?;
        let text = source.len() + call.kwargs.as_ref().map_or(0, String::len);
        if text > wire::MAX_TEXT {
            return Err(Error::TextTooLarge { limit: wire::MAX_TEXT as u64 }.into());
        }
        let limit = call.timeout.into_iter().chain(self.timeout).min();
        let worker = self.shared.home(digest);
        let is_streamed = upload.is_some();
        // A body that is streamed cannot be sent again when the worker asks for the source.
        let mut needs_source = is_streamed;
        self.count(|tally| tally.calls += 1);
        loop {
            // The worker that asked for the source may have been retired since.
            let link = self.lines.to(worker);
            let sends_source = link.tell(digest) || needs_source;
            let about = About::new(&call, claim.clone(), began);
            let mut sent = Sent::open(&link, &self.shared, worker, about, limit)?;
            if !sent.may_send().await {
                continue;
            }
            sent.send(&call, sends_source.then_some(&*source), upload.take()).await;
            sent.spool = spool.take();
            match poll_fn(|cx| sent.pending.poll_outcome(cx)).await {
                Outcome::Head(head, first) => {
                    self.count(|tally| tally.reply_bytes += first.len() as u64);
                    let reply = reply(*head, first, sent, digest, began);
                    self.count(|tally| tally.timed(&reply.head.timing));
                    return Ok(reply);
                }
                Outcome::Failed(error, (load, run), place) => {
                    let timing = timing(began, load, run);
                    self.count(|tally| tally.timed(&timing));
                    return Err(Failure { error, timing, place });
                }
                Outcome::Lost(error) => {
                    let timing = sent.timing_of_lost(began);
                    return Err(Failure { error, timing, place: None });
                }
                Outcome::NeedSource if is_streamed => return Err(Error::BodyIncomplete.into()),
                Outcome::NeedSource => (needs_source, spool) = (true, sent.spool.take()),
            }
        }
    }
}

fn reply(
    head: wire::ReplyHead<'static>,
    first: Bytes,
    sent: Sent,
    digest: Digest,
    began: Instant,
) -> Reply<ReplyStream> {
    let content_type =
        head.content_type.map(|value| ("content-type".to_owned(), value.into_owned()));
    let headers =
        head.headers.into_iter().map(|(name, value)| (name.into_owned(), value.into_owned()));
    let body = match head.length == Some(first.len() as u64) {
        true => ReplyBody::Whole(first),
        false => ReplyBody::Stream(ReplyStream {
            sent,
            first: Some(first),
            window: ReceiveWindow::default(),
            has_paused: false,
        }),
    };
    let head = ReplyHead {
        status: head.status,
        length: head.length,
        headers: content_type.into_iter().chain(headers).collect(),
        digest,
        timing: timing(began, head.load_us, head.run_us),
    };
    Reply { head, body }
}

/// What was neither loading nor running was waiting.
fn timing(began: Instant, load_us: u64, run_us: u64) -> Timing {
    let (load, run) = (Duration::from_micros(load_us), Duration::from_micros(run_us));
    Timing { queue: began.elapsed().saturating_sub(load + run), load, run }
}

/// Ends a call whose time is up. Its time counts from when it began to run, not from when it came.
async fn expire(link: &Rc<Link>, id: u32, pending: &Pending, limit: Duration) {
    pending.started.notified().await;
    sleep(limit).await;
    pending.fail(Error::Deadline { limit });
    link.end_early(id, "deadline");
}

/// A call that is at a worker. Dropping it tells the worker that nobody waits any more.
struct Sent {
    link: Rc<Link>,
    id: u32,
    pending: Rc<Pending>,
    shared: Arc<Shared>,
    worker: usize,
    digest: Digest,
    /// The clock of a call whose time is limited.
    deadline: Option<JoinHandle<()>>,
    /// Files that are there as long as this is.
    spool: Option<Spool>,
}

impl Sent {
    fn open(
        link: &Rc<Link>,
        shared: &Arc<Shared>,
        worker: usize,
        about: About,
        limit: Option<Duration>,
    ) -> Result<Self, Error> {
        let digest = about.digest;
        link.check_available()?;
        shared.workers[worker].enter(digest, shared.capacity)?;
        let (id, pending) = link.open(Some(about));
        let deadline = limit.map(|limit| {
            let (link, pending) = (link.clone(), pending.clone());
            tokio::task::spawn_local(async move { expire(&link, id, &pending, limit).await })
        });
        let (link, shared) = (link.clone(), shared.clone());
        Ok(Self { link, id, pending, shared, worker, digest, deadline, spool: None })
    }

    /// Waits while it is not known whether the worker still answers, after another call was cancelled
    /// there. `false` if the worker goes, so that the call is for the next one.
    async fn may_send(&self) -> bool {
        let Some(life) = self.link.life().filter(|life| life.is_suspect()) else { return true };
        life.answered().await;
        if !life.is_condemned() {
            return true;
        }
        self.link.gone(&life).await;
        false
    }

    /// Where the time of a call went that its worker did not answer. Without a word that it had
    /// begun, it is taken to have run all the time, as nearly all calls do.
    fn timing_of_lost(&self, began: Instant) -> Timing {
        let whole = began.elapsed();
        let run = self.pending.running().unwrap_or(whole);
        Timing { queue: whole.saturating_sub(run), load: Duration::ZERO, run }
    }

    async fn send(&self, call: &Call, source: Option<&str>, upload: Option<Upload>) {
        // The arguments alone may be megabytes, of each of a thousand calls.
        if !self.link.has_room(self.id).await {
            return; // It was cancelled while it waited.
        }
        let mut head =
            CallHead { tell_start: self.deadline.is_some(), ..CallHead::new(call, source) };
        if upload.is_some() {
            head.body_len = None;
        }
        let mut bodies = held_bytes(call).flat_map(pieces);
        let first = bodies.next().unwrap_or_default();
        self.link.push_with(|outbox| wire::push_head(outbox, Kind::Call, self.id, &head, &first));
        for chunk in bodies {
            if !self.link.has_room(self.id).await {
                return;
            }
            self.link.push(Kind::Body, self.id, &chunk);
        }
        if let Some(upload) = upload {
            self.stream(upload, call.request.body.len());
        }
    }

    /// Sends the rest of the body as it arrives, whatever becomes of the answer meanwhile.
    fn stream(&self, upload: Upload, sent: usize) {
        let window = self.link.open_upload(self.id);
        window.consume(sent);
        let (link, pending) = (self.link.clone(), self.pending.clone());
        tokio::task::spawn_local(pump(link, self.id, pending, window, upload));
    }
}

impl Drop for Sent {
    fn drop(&mut self) {
        self.deadline.take().inspect(JoinHandle::abort);
        self.link.end_early(self.id, "client-gone");
        self.shared.workers[self.worker].leave(self.digest);
    }
}

/// The chunks of a streamed reply, as the adaptor yields them. Reading them is what lets it go on.
pub(crate) struct ReplyStream {
    sent: Sent,
    first: Option<Bytes>,
    window: ReceiveWindow,
    /// Whether an error has been held back for a moment.
    has_paused: bool,
}

impl ReplyStream {
    fn count_read(&mut self, bytes: usize) {
        self.sent.link.count(|tally| tally.reply_bytes += bytes as u64);
        if let Some(read) = self.window.read(bytes) {
            self.sent.link.push(Kind::ReplyWindowUpdate, self.sent.id, &read.to_le_bytes());
        }
    }
}

impl Stream for ReplyStream {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if let Some(first) = this.first.take().filter(|first| !first.is_empty()) {
            return Poll::Ready(Some(Ok(first)));
        }
        if !this.has_paused && this.sent.pending.is_broken() {
            // actix-web drops what it has not written yet when a body fails: it gets a turn to write.
            this.has_paused = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if let Poll::Ready(next) = this.sent.pending.poll_chunk(cx) {
            if let Some(Ok(chunk)) = &next {
                this.count_read(chunk.len());
            }
            return Poll::Ready(next);
        }
        Poll::Pending
    }
}
