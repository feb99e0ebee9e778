//! Server-sent events as a stream.

mod parser;

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;

use crate::{ByteStream, Error};
use parser::Parser;

/// A server-sent event, as the [HTML standard] reads it.
///
/// [HTML standard]: https://html.spec.whatwg.org/multipage/server-sent-events.html
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event {
    /// What kind of event it is; `message` if the server does not say.
    pub event: String,
    /// Its data, whose lines are joined by `\n`.
    pub data: String,
    /// The last id that the server gave, with this event or an earlier one; empty if there is none.
    pub id: String,
    /// How long to wait before connecting again, as the server last said. This client leaves that to
    /// its caller, since to connect again is to run the adaptor again.
    pub retry: Option<Duration>,
}

/// The server-sent events of a reply as they arrive. Dropping it ends the call. See
/// [`Reply::events`](crate::Reply::events).
#[derive(Debug)]
pub struct Events {
    chunks: ByteStream,
    parser: Parser,
    ready: VecDeque<Event>,
}

impl Events {
    pub(crate) fn new(chunks: ByteStream) -> Events {
        Events { chunks, parser: Parser::default(), ready: VecDeque::new() }
    }
}

impl Stream for Events {
    type Item = Result<Event, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            if let Some(event) = this.ready.pop_front() {
                return Poll::Ready(Some(Ok(event)));
            }
            match ready!(Pin::new(&mut this.chunks).poll_next(cx)) {
                None => return Poll::Ready(None),
                Some(Err(err)) => return Poll::Ready(Some(Err(err))),
                Some(Ok(chunk)) => this.ready.extend(this.parser.feed(&chunk)),
            }
        }
    }
}
