//! Answers over HTTP/2 that nobody reads. A client need not give an answer any window, while its connection
//! goes on: nothing that is written to the socket shows that. But actix-web asks a body for more once it
//! could send what it got, so an answer that is asked for nothing more is not read.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::rt;
use bytes::Bytes;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::connection::OpenStream;

/// Bytes that are given at a time, so that a slow reader is seen to read: what actix-web sends at a time.
const PIECE: usize = 16 * 1024;

type Next = Option<Result<Bytes, Box<dyn std::error::Error>>>;

/// The body of an answer that is given up when it is not read for a while. Its client hears of that
/// once it reads on: until then, actix-web keeps the stream, which counts as long.
pub(super) struct UntilUnread {
    size: BodySize,
    limit: Duration,
    held: Rc<Held>,
    watch: Option<JoinHandle<()>>,
    _stream: OpenStream,
}

/// What is left of an answer, if it has not been given up.
struct Held {
    body: RefCell<Option<Body>>,
    /// When a piece was given, unless more has been asked for since then.
    given: Cell<Option<Instant>>,
}

struct Body {
    inner: BoxBody,
    /// What is left of the last chunk.
    rest: Bytes,
}

impl UntilUnread {
    pub(super) fn new(inner: BoxBody, stream: OpenStream, limit: Duration) -> Self {
        let size = inner.size();
        let body = RefCell::new(Some(Body { inner, rest: Bytes::new() }));
        let held = Rc::new(Held { body, given: Cell::default() });
        Self { size, limit, held, watch: None, _stream: stream }
    }
}

impl MessageBody for UntilUnread {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.size
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let this = &mut *self;
        this.held.given.set(None);
        let next = ready!(this.held.poll_piece(context));
        this.held.given.set(Some(Instant::now()));
        this.watch.get_or_insert_with(|| {
            rt::spawn(give_up_unread(Rc::downgrade(&this.held), this.limit))
        });
        Poll::Ready(next)
    }
}

impl Held {
    fn poll_piece(&self, context: &mut Context<'_>) -> Poll<Next> {
        let Some(body) = &mut *self.body.borrow_mut() else {
            return Poll::Ready(Some(Err("nobody has read the answer".into())));
        };
        if body.rest.is_empty() {
            match ready!(Pin::new(&mut body.inner).poll_next(context)) {
                Some(Ok(chunk)) => body.rest = chunk,
                end => return Poll::Ready(end),
            }
        }
        let piece = body.rest.split_to(PIECE.min(body.rest.len()));
        Poll::Ready(Some(Ok(piece)))
    }

    /// How long a piece may still wait, if there is one.
    fn patience(&self, limit: Duration) -> Duration {
        self.given.get().map_or(limit, |given| limit.saturating_sub(given.elapsed()))
    }
}

impl Drop for UntilUnread {
    fn drop(&mut self) {
        self.watch.iter().for_each(JoinHandle::abort);
    }
}

/// Drops what is left of an answer, and with it the call that makes it, once nobody reads it.
async fn give_up_unread(held: Weak<Held>, limit: Duration) {
    let mut patience = limit;
    while !patience.is_zero() {
        sleep(patience).await;
        let Some(held) = held.upgrade() else { return };
        patience = held.patience(limit);
    }
    held.upgrade().and_then(|held| held.body.take());
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use actix_web::body::BodyStream;
    use futures_util::stream;

    use super::super::Connections;
    use super::super::connection::Exchange;
    use super::*;

    const CHUNK: Bytes = Bytes::from_static(&[0; 40_000]);

    fn body(limit: Duration) -> Pin<Box<UntilUnread>> {
        let chunks = stream::iter([Ok::<_, &str>(CHUNK), Ok(CHUNK)]);
        let open = Connections::new(1, None).open(None).unwrap();
        let stream = Rc::new(Exchange::new(false, None, open)).open_stream();
        Box::pin(UntilUnread::new(BoxBody::new(BodyStream::new(chunks)), stream, limit))
    }

    /// The length of the next piece.
    async fn next(body: &mut Pin<Box<UntilUnread>>) -> Option<Result<usize, String>> {
        let next = poll_fn(|context| body.as_mut().poll_next(context)).await;
        next.map(|piece| piece.map(|piece| piece.len()).map_err(|err| err.to_string()))
    }

    #[actix_web::test]
    async fn what_is_read_comes_whole_and_in_pieces() {
        let mut body = body(Duration::from_secs(60));
        assert_eq!(body.size(), BodySize::Stream);
        let mut pieces = Vec::new();
        while let Some(piece) = next(&mut body).await {
            pieces.push(piece.unwrap());
        }
        assert_eq!(pieces, [16_384, 16_384, 7232, 16_384, 16_384, 7232]);
    }

    #[actix_web::test]
    async fn what_is_not_read_is_given_up() {
        let mut body = body(Duration::from_millis(10));
        assert_eq!(next(&mut body).await, Some(Ok(PIECE)));
        let watch = body.watch.take().unwrap();
        watch.await.unwrap();
        assert!(body.held.body.borrow().is_none());
        let expected = Some(Err("nobody has read the answer".to_owned()));
        assert_eq!(next(&mut body).await, expected);
    }
}
