//! Clients that go away over HTTP/2, where a connection goes on without them. actix-web lets a
//! stream that was reset run to its end, so the request is asked now and then whether it still lives.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use bytes::Bytes;
use futures_core::Stream;
use tokio::time::{Interval, MissedTickBehavior, interval};

/// How often to ask. A client that has gone is noticed after so long at the latest.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

type BoxedPayloadStream = Pin<Box<dyn Stream<Item = Result<Bytes, PayloadError>>>>;

/// Knows whether the client of one HTTP/2 request is still there.
pub(super) struct Watch {
    watched: Rc<Watched>,
}

struct Watched {
    payload: RefCell<Payload>,
    /// Whether anybody still reads the body: then it is they who hear of a reset.
    is_read: Cell<bool>,
}

/// A request's body that leaves word when it is read to its end, or no longer.
struct Body(Rc<Watched>);

impl Watch {
    /// Watches a request from here on, by its body; what is given back takes the body's place.
    pub(super) fn over(payload: Payload) -> (Self, Payload) {
        let watched = Rc::new(Watched { payload: RefCell::new(payload), is_read: Cell::new(true) });
        let body: BoxedPayloadStream = Box::pin(Body(watched.clone()));
        (Self { watched }, Payload::Stream { payload: body })
    }

    /// Waits until the client has gone.
    pub(super) async fn gone(&self) {
        let mut polls = poll_interval();
        while !self.watched.is_gone() {
            polls.tick().await;
        }
    }

    /// The same body, which breaks off when the client has gone.
    pub(super) fn until_gone(self, body: BoxBody) -> BoxBody {
        BoxBody::new(UntilGone { body, watch: self, polls: poll_interval() })
    }
}

impl Watched {
    fn is_gone(&self) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        let mut payload = self.payload.borrow_mut();
        // What a reset stream says after its end as well. A part of a body that nobody reads is lost.
        !self.is_read.get()
            && matches!(Pin::new(&mut *payload).poll_next(&mut context), Poll::Ready(Some(Err(_))))
    }
}

impl Stream for Body {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = ready!(Pin::new(&mut *self.0.payload.borrow_mut()).poll_next(context));
        self.0.is_read.set(matches!(next, Some(Ok(_))));
        Poll::Ready(next)
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        self.0.is_read.set(false);
    }
}

/// A reply's body for a client that may go.
struct UntilGone {
    body: BoxBody,
    watch: Watch,
    polls: Interval,
}

impl MessageBody for UntilGone {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        if let Poll::Ready(next) = Pin::new(&mut self.body).poll_next(context) {
            return Poll::Ready(next);
        }
        while self.polls.poll_tick(context).is_ready() {
            if self.watch.watched.is_gone() {
                return Poll::Ready(Some(Err("the client has gone".into())));
            }
        }
        Poll::Pending
    }
}

fn poll_interval() -> Interval {
    let mut polls = interval(POLL_INTERVAL);
    polls.set_missed_tick_behavior(MissedTickBehavior::Delay);
    polls
}
