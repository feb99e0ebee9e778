//! Fills an entry with the reply of its call.

use std::future::poll_fn;
use std::pin::pin;

use bytes::Bytes;
use futures_core::Stream;
use futures_util::StreamExt;
use owt_core::{Error, Failure, Reply, ReplyBody};

use super::entry::{Entry, State};
use super::store::Ticket;

/// The first status that is an error.
const FIRST_ERROR: u16 = 400;

/// Runs a call to its end, or until nobody reads its reply any more, and keeps it if it is whole.
pub(crate) async fn fill<S>(ticket: Ticket, call: impl Future<Output = Result<Reply<S>, Failure>>)
where
    S: Stream<Item = Result<Bytes, Error>>,
{
    let entry = ticket.entry();
    let mut filling = pin!(entry.take(call, &ticket));
    let filled = loop {
        tokio::select! {
            filled = &mut filling => break filled,
            () = poll_fn(|cx| entry.poll_abandoned(cx)) => {
                if ticket.discard_unless_read() {
                    return;
                }
            }
        }
    };
    match filled {
        Some(body) => ticket.keep(body),
        None => ticket.discard(),
    }
}

impl Entry {
    /// Takes in a reply; the length of its body if it is to be kept.
    async fn take<S>(
        &self,
        call: impl Future<Output = Result<Reply<S>, Failure>>,
        ticket: &Ticket,
    ) -> Option<usize>
    where
        S: Stream<Item = Result<Bytes, Error>>,
    {
        let Reply { head, body } = match call.await {
            Ok(reply) => reply,
            Err(failure) => {
                // Before anybody sees it: who looks again must not find this entry.
                ticket.discard();
                self.update(|state| state.head = Some(Err(failure)));
                return None;
            }
        };
        let is_kept = head.status < FIRST_ERROR;
        self.update(|state| state.head = Some(Ok(head)));
        match body {
            ReplyBody::Whole(bytes) => self.update(|state| {
                state.push(&bytes);
                state.finish();
            }),
            ReplyBody::Stream(stream) => self.take_stream(stream, ticket).await?,
        }
        let bytes = self.state().bytes;
        (is_kept && bytes <= self.limit).then_some(bytes)
    }

    async fn take_stream<S>(&self, stream: S, ticket: &Ticket) -> Option<()>
    where
        S: Stream<Item = Result<Bytes, Error>>,
    {
        let mut stream = pin!(stream);
        while let Some(chunk) = stream.next().await {
            match chunk {
                Ok(chunk) => self.update(|state| state.push(&chunk)),
                Err(err) => {
                    self.update(|state| state.end = Some(Err(err)));
                    return None;
                }
            }
            if self.state().bytes > self.limit {
                // Nobody else begins to read what will not be kept.
                ticket.discard();
                self.update(|state| state.is_too_large = true);
            }
            poll_fn(|cx| self.poll_room(cx)).await;
        }
        let is_too_large = self.state().is_too_large;
        if is_too_large {
            self.update(|state| state.end = Some(Ok(())));
            return None;
        }
        self.update(State::finish);
        Some(())
    }
}
