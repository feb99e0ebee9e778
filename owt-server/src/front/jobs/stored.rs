//! A reply that is kept until somebody asks for it.

use std::convert::Infallible;
use std::error::Error as StdError;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::HttpResponse;
use actix_web::body::{BodySize, MessageBody};
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_LENGTH, HeaderMap};
use bytes::Bytes;
use owt_core::Error;

use super::room::Held;

/// How much of a body a connection is given at a time.
const SLICE: usize = 64 << 10;

/// A whole reply.
#[derive(Debug)]
pub(super) struct Stored {
    status: StatusCode,
    headers: HeaderMap,
    /// Whoever still sends it holds its room.
    body: Bytes,
    _held: Held,
}

/// A body with its room.
struct Body {
    bytes: Box<[u8]>,
    _held: Held,
}

impl AsRef<[u8]> for Body {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Stored {
    /// Reads a reply to its end. `hold` makes what is held so many bytes more, if there is room.
    ///
    /// # Errors
    /// Why the reply broke off, or why there is no room for it.
    pub(super) async fn collect(
        response: HttpResponse,
        hold: impl Fn(Option<Held>, usize) -> Result<Held, Error>,
    ) -> Result<Self, Error> {
        let (response, mut body) = response.into_parts();
        let (status, mut headers) = (response.status(), response.headers().clone());
        // Whoever sends the body counts it.
        headers.remove(CONTENT_LENGTH);
        let head = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
        let in_head = hold(None, head)?;
        // At once where its length is known, so that no other goes for one that is too large anyway.
        let mut counted = match body.size() {
            BodySize::Sized(len) => usize::try_from(len).unwrap_or(usize::MAX),
            _ => 0,
        };
        let mut held = hold(None, counted)?;
        let mut bytes = Vec::with_capacity(counted);
        while let Some(chunk) = poll_fn(|cx| Pin::new(&mut body).poll_next(cx)).await {
            let chunk = chunk.map_err(|err| broken(&*err))?;
            let more = (bytes.len() + chunk.len()).saturating_sub(counted);
            held = hold(Some(held), more)?;
            counted += more;
            bytes.extend_from_slice(&chunk);
        }
        let body = Bytes::from_owner(Body { bytes: bytes.into(), _held: held });
        Ok(Self { status, headers, body, _held: in_head })
    }

    pub(super) fn status(&self) -> u16 {
        self.status.as_u16()
    }

    pub(super) fn len(&self) -> usize {
        self.body.len()
    }

    /// The reply, as its client would have had it.
    pub(super) fn response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        for (name, value) in &self.headers {
            response.append_header((name, value));
        }
        response.body(Slices(self.body.clone()))
    }
}

/// A body that is sent slice by slice: a connection copies what it is given, and would hold all of it for a
/// client that reads slowly.
struct Slices(Bytes);

impl MessageBody for Slices {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.0.len() as u64)
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Infallible>>> {
        let len = self.0.len().min(SLICE);
        Poll::Ready((len > 0).then(|| Ok(self.0.split_to(len))))
    }
}

/// Why a reply has broken off.
pub(in crate::front) fn broken(err: &(dyn StdError + 'static)) -> Error {
    let own = err.downcast_ref::<Error>().cloned();
    own.unwrap_or_else(|| Error::ReplyInvalid(format!("The reply broke off: {err}")))
}
