//! A client's socket as actix-web sees it.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};
use tokio_util::io::poll_read_buf;

use super::Exchange;
use super::framing::{self, Framing, Head, HeadError};
use super::header_block::HeaderBlocks;
use super::refusal::Refused;
use super::settings_frame;
use super::stall::Stall;

/// How long a client may go on sending after an answer that did not wait for it: if the connection
/// were closed at once, it might never read that answer (RFC 9112, section 9.6). Never longer than a
/// client may pause in reading.
pub(super) const LINGER: Duration = Duration::from_secs(30);

/// Bytes that are read at a time, where actix-web does not say.
const READ: usize = 8 * 1024;

/// Bytes of later requests that are read while one is answered. Beyond them, it is not noticed that
/// a client has gone.
const MAX_AHEAD: usize = 64 * 1024;

/// Makes owt's answer to what actix-web refuses.
pub(super) type Refuse = Rc<dyn Fn(&Refused) -> Bytes>;

pub(super) struct Stream<T> {
    io: T,
    exchange: Rc<Exchange>,
    reading: Reading,
    /// What has been read and not passed on.
    read_ahead: BytesMut,
    refuse: Refuse,
    refused: Refused,
    /// What is to be written in place of what actix-web writes.
    own: Bytes,
    /// How many streams HTTP/2 is still to announce.
    max_streams: Option<u32>,
    stall: Stall,
    shutdown: Shutdown,
}

/// What is passed on next.
enum Reading {
    /// The head of a request.
    Head,
    /// A request whose head is known.
    Request(Framing),
    /// Nothing, until the request is answered.
    Answer,
    /// Frames of HTTP/2.
    Frames(HeaderBlocks),
    /// Anything: what is no HTTP.
    Anything,
    /// Nothing more: the client has closed its end.
    End,
}

/// Closing a connection in an orderly way, while its client may still be sending.
#[derive(Default)]
struct Shutdown {
    is_sent: bool,
    timer: Option<Pin<Box<Sleep>>>,
}

/// What actix-web speaks over a connection.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    Http1,
    /// With so many streams at a time.
    Http2 {
        max_streams: u32,
    },
}

/// How long a client may take.
#[derive(Clone, Copy)]
pub(super) struct Timeouts {
    /// Over HTTP/2; over HTTP/1, actix-web knows.
    pub(super) head: Duration,
    pub(super) write: Duration,
}

impl<T: AsyncRead + AsyncWrite + Unpin> Stream<T> {
    pub(super) fn new(
        io: T,
        version: Version,
        exchange: Exchange,
        timeouts: Timeouts,
        refuse: Refuse,
    ) -> Self {
        let (read_ahead, refused, own, shutdown) = Default::default();
        let (reading, max_streams) = match version {
            Version::Http1 => (Reading::Head, None),
            Version::Http2 { max_streams } => {
                exchange.handle();
                (Reading::Frames(HeaderBlocks::new(timeouts.head)), Some(max_streams))
            }
        };
        let (exchange, stall) = (Rc::new(exchange), Stall::new(timeouts.write));
        Self {
            io,
            exchange,
            reading,
            read_ahead,
            refuse,
            refused,
            own,
            max_streams,
            stall,
            shutdown,
        }
    }

    pub(super) fn exchange(&self) -> &Rc<Exchange> {
        &self.exchange
    }

    /// Reads ahead; 0 at the end of what the client sends.
    fn poll_ahead(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.read_ahead.reserve(READ);
        poll_read_buf(Pin::new(&mut self.io), context, &mut self.read_ahead)
    }

    /// Waits for the whole head of a request.
    fn poll_head(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut has_news = !self.read_ahead.is_empty();
        loop {
            let head = has_news.then(|| framing::read_head(&mut self.read_ahead)).flatten();
            if let Some(head) = head {
                self.begin(head);
                return Poll::Ready(Ok(()));
            }
            let known = self.read_ahead.len();
            if ready!(self.poll_ahead(context))? == 0 {
                self.reading = Reading::Anything;
                return Poll::Ready(Ok(()));
            }
            // A head that comes in many pieces is not read anew for each of them.
            has_news =
                known == 0 || self.read_ahead[known..].contains(&b'\n') || self.is_too_long();
        }
    }

    fn is_too_long(&self) -> bool {
        self.read_ahead.len() >= framing::MAX_HEAD
    }

    fn begin(&mut self, head: Head) {
        self.exchange.receive(head.framing.is_chunked());
        self.reading = match head.error {
            // Without a frame, nothing can follow.
            Some(HeadError::Malformed | HeadError::HeadTooLong | HeadError::TooManyHeaders) => {
                Reading::Anything
            }
            _ => Reading::Request(head.framing),
        };
        if head.error.is_some() {
            self.refused = Refused::new(head.error, self.read_ahead.clone().freeze());
        }
    }

    /// Passes on a piece of a request.
    fn poll_request(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Reading::Request(framing) = &mut self.reading else { return Poll::Ready(Ok(())) };
        if self.read_ahead.is_empty() && framing.plain() >= buffer.remaining() as u64 {
            let before = buffer.filled().len();
            ready!(Pin::new(&mut self.io).poll_read(context, buffer))?;
            framing.skip(buffer.filled().len() - before);
        } else {
            if self.read_ahead.is_empty() && ready!(self.poll_ahead(context))? == 0 {
                return Poll::Ready(Ok(()));
            }
            let Reading::Request(framing) = &mut self.reading else { return Poll::Ready(Ok(())) };
            let room = buffer.remaining().min(self.read_ahead.len());
            let taken = framing.take(&self.read_ahead[..room]);
            pass_on(&mut self.read_ahead, taken, buffer);
        }
        if matches!(&self.reading, Reading::Request(framing) if framing.is_over()) {
            self.exchange.receive_all();
            self.reading = Reading::Answer;
        }
        Poll::Ready(Ok(()))
    }

    /// Passes on what comes of HTTP/2.
    fn poll_frames(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Reading::Frames(blocks) = &mut self.reading else { return Poll::Ready(Ok(())) };
        let before = buffer.filled().len();
        let attempt = Pin::new(&mut self.io).poll_read(context, buffer);
        blocks.follow(&buffer.filled()[before..])?;
        blocks.bound(attempt, context)
    }

    /// Waits until a request has been answered, or its client is gone.
    fn poll_answer(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.exchange.is_idle() {
            if self.read_ahead.len() >= MAX_AHEAD {
                return Poll::Pending; // The end of the answer wakes this.
            }
            if ready!(self.poll_ahead(context))? == 0 {
                self.reading = Reading::End;
                return Poll::Ready(Ok(()));
            }
        }
        self.reading = Reading::Head;
        Poll::Ready(Ok(()))
    }

    /// Writes what is owt's own.
    fn poll_own(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.own.is_empty() {
            let attempt = Pin::new(&mut self.io).poll_write(context, &self.own);
            match ready!(self.stall.bound(attempt, context))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => self.own.advance(written),
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Shuts the writing side down, and waits until the client has closed its end as well.
    fn poll_close(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.shutdown.is_sent {
            let attempt = Pin::new(&mut self.io).poll_shutdown(context);
            ready!(self.stall.bound(attempt, context))?;
            self.shutdown.is_sent = true;
        }
        let linger = LINGER.min(self.stall.limit());
        let timer = self.shutdown.timer.get_or_insert_with(|| Box::pin(sleep(linger)));
        if timer.as_mut().poll(context).is_ready() {
            return Poll::Ready(Ok(()));
        }
        loop {
            self.read_ahead.clear();
            if ready!(self.poll_ahead(context))? == 0 {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

/// Gives actix-web so many bytes, or as many as it has room for.
fn pass_on(read_ahead: &mut BytesMut, bytes: usize, buffer: &mut ReadBuf<'_>) {
    let bytes = bytes.min(read_ahead.len()).min(buffer.remaining());
    buffer.put_slice(&read_ahead[..bytes]);
    read_ahead.advance(bytes);
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncRead for Stream<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.exchange.wake_with(context.waker());
        if this.exchange.is_closing() {
            return Poll::Ready(Ok(()));
        }
        loop {
            match this.reading {
                Reading::Head => ready!(this.poll_head(context))?,
                Reading::Request(_) => return this.poll_request(context, buffer),
                Reading::Answer => ready!(this.poll_answer(context))?,
                Reading::Frames(_) => return this.poll_frames(context, buffer),
                Reading::Anything if this.read_ahead.is_empty() => {
                    return Pin::new(&mut this.io).poll_read(context, buffer);
                }
                Reading::Anything => {
                    pass_on(&mut this.read_ahead, usize::MAX, buffer);
                    return Poll::Ready(Ok(()));
                }
                Reading::End => return Poll::Ready(Ok(())),
            }
        }
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Stream<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.exchange.is_unhandled() {
            this.refused.take_status(bytes);
            this.own = (this.refuse)(&this.refused);
            this.exchange.handle();
            this.exchange.close();
            return Poll::Ready(Ok(bytes.len()));
        }
        if let Some(max) = this.max_streams.take()
            && let Some((frame, len)) = settings_frame::with_max_streams(bytes, max)
        {
            this.own = frame.into();
            return Poll::Ready(Ok(len));
        }
        ready!(this.poll_own(context))?;
        let attempt = Pin::new(&mut this.io).poll_write(context, bytes);
        this.stall.bound(attempt, context)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.exchange.wake_with(context.waker());
        ready!(this.poll_own(context))?;
        let attempt = Pin::new(&mut this.io).poll_flush(context);
        ready!(this.stall.bound(attempt, context))?;
        if this.exchange.is_closing() {
            ready!(this.poll_close(context))?;
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        if this.exchange.flushed() && !this.read_ahead.is_empty() {
            context.waker().wake_by_ref();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_own(context))?;
        match this.exchange.is_closing() {
            true => this.poll_close(context),
            false => {
                let attempt = Pin::new(&mut this.io).poll_shutdown(context);
                this.stall.bound(attempt, context)
            }
        }
    }
}
