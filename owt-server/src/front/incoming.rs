//! The bytes of a request's body as they come, and no more of them than are allowed.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use actix_web::dev::Payload;
use bytes::{Bytes, BytesMut};
use futures_util::{FutureExt, StreamExt, stream};
use owt_core::{BodyStream, Error};
use tokio::time::{Instant, timeout, timeout_at};

use super::connection::Exchange;
use crate::memory_budget::Reserved;

/// The most bytes of a body that are held in memory, whatever a body may have.
const MAX_HELD: u64 = 256 << 20;

/// Bytes of a body that its call waits for before it begins.
const FIRST: usize = 64 * 1024;

/// How long it waits for them: of speech that is being spoken, they are seconds.
const FIRST_WAIT: Duration = Duration::from_millis(50);

/// A body that is on its way.
pub(super) struct Incoming {
    payload: Payload,
    /// What `Content-Length` says, or 0.
    declared: u64,
    /// Bytes that came.
    seen: u64,
    limit: u64,
    /// How long it may stand still.
    idle_timeout: Duration,
    /// Whether all of it is to be in memory.
    is_held: bool,
    /// Its share of the memory that bodies may take.
    held: Reserved,
    /// The connection that it comes over, until it was waited for.
    exchange: Option<Rc<Exchange>>,
}

impl Incoming {
    /// # Errors
    /// [`Error::BodyTooLarge`] if it says that it is.
    pub(super) fn new(
        payload: Payload,
        declared: u64,
        limit: u64,
        idle_timeout: Duration,
        held: Reserved,
    ) -> Result<Self, Error> {
        let (seen, is_held, exchange) = Default::default();
        let incoming =
            Self { payload, declared, seen, limit, idle_timeout, is_held, held, exchange };
        incoming.check(declared)?;
        Ok(incoming)
    }

    /// The same, with the connection that it comes over if it is its handler that reads it.
    pub(super) fn over(self, exchange: Option<&Rc<Exchange>>) -> Self {
        Self { exchange: exchange.cloned(), ..self }
    }

    /// The next bytes, as they come; `None` at the end.
    ///
    /// # Errors
    /// [`Error::BodyTooLarge`] as soon as it is known to be; [`Error::BodyIncomplete`] when it breaks
    /// off, and [`Error::BodyTimeout`] when it stands still.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        let mut chunk = self.payload.next().now_or_never();
        if chunk.is_none() && self.is_about_to_come() {
            pending_once().await;
            chunk = self.payload.next().now_or_never();
        }
        let chunk = match chunk {
            Some(chunk) => chunk,
            None => timeout(self.idle_timeout, self.payload.next())
                .await
                .map_err(|_| Error::BodyTimeout { limit: self.idle_timeout })?,
        };
        let chunk = chunk.transpose().map_err(|_| Error::BodyIncomplete)?;
        self.seen += chunk.as_ref().map_or(0, |chunk| chunk.len() as u64);
        self.check(self.seen)?;
        Ok(chunk)
    }

    /// Whether actix-web has all of the body and has decoded none of it. It does so between the first poll
    /// of a handler and the second, which it makes in the same turn. Whoever waited to be woken for that
    /// would have the connection polled a third time, for nothing.
    fn is_about_to_come(&mut self) -> bool {
        self.seen == 0 && self.exchange.take().is_some_and(|exchange| exchange.is_received())
    }

    /// The whole body, which is held in memory: what has been read of it, and the rest.
    pub(super) async fn whole(&mut self, first: Bytes) -> Result<Bytes, Error> {
        self.is_held = true;
        self.check(self.declared)?;
        // All of it at once, so that no two bodies wait for each other's second half.
        self.held.grow(self.declared).await?;
        self.gather(first.into(), usize::MAX, None).await.map(|(bytes, _)| bytes)
    }

    fn check(&self, bytes: u64) -> Result<(), Error> {
        if bytes > self.limit {
            return Err(Error::BodyTooLarge { limit: self.limit });
        }
        match self.is_held && bytes > MAX_HELD {
            true => Err(Error::TextTooLarge { limit: MAX_HELD }),
            false => Ok(()),
        }
    }

    /// The beginning of the body, and whether that is all of it.
    pub(super) async fn first(&mut self) -> Result<(Bytes, bool), Error> {
        self.gather(BytesMut::new(), FIRST, Some(Instant::now() + FIRST_WAIT)).await
    }

    /// Reads on to so many bytes, or what comes until then; and whether that is the whole body.
    async fn gather(
        &mut self,
        mut bytes: BytesMut,
        wanted: usize,
        until: Option<Instant>,
    ) -> Result<(Bytes, bool), Error> {
        while bytes.len() < wanted {
            let next = match until {
                None => self.next().await?,
                Some(until) => match timeout_at(until, self.next()).await {
                    Ok(next) => next?,
                    Err(_) => return Ok((bytes.freeze(), false)),
                },
            };
            let Some(chunk) = next else { return Ok((bytes.freeze(), true)) };
            if chunk.len() as u64 == self.declared {
                return Ok((chunk, true)); // Small bodies come in one piece, and are not copied.
            }
            if self.is_held {
                self.held.make_room((bytes.len() + chunk.len()) as u64).await?;
            }
            bytes.extend_from_slice(&chunk);
        }
        let is_complete = bytes.len() as u64 == self.declared;
        Ok((bytes.freeze(), is_complete))
    }

    /// Its share of memory, which goes with what was read of it.
    pub(super) fn take_held(&mut self) -> Reserved {
        self.held.take()
    }

    /// What is still to come, for as long as it lasts.
    pub(super) fn rest(self) -> BodyStream {
        let next = |incoming: Option<Self>| async {
            let mut incoming = incoming?;
            match incoming.next().await.transpose()? {
                Ok(chunk) => Some((Ok(chunk), Some(incoming))),
                Err(err) => Some((Err(err), None)),
            }
        };
        stream::unfold(Some(self.over(None)), next).boxed_local()
    }
}

/// Waits for the next poll, whoever makes it.
async fn pending_once() {
    let mut has_waited = false;
    poll_fn(|_| match std::mem::replace(&mut has_waited, true) {
        true => Poll::Ready(()),
        false => Poll::Pending,
    })
    .await;
}
