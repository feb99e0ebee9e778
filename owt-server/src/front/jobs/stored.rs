//! A reply that is kept until somebody asks for it.

use std::error::Error as StdError;
use std::future::poll_fn;
use std::pin::Pin;

use actix_web::HttpResponse;
use actix_web::body::MessageBody as _;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_LENGTH, HeaderMap};
use bytes::Bytes;
use owt_core::Error;

/// A whole reply.
#[derive(Debug)]
pub(super) struct Stored {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Stored {
    /// Reads a reply to its end. `make_room` is asked before anything of it is kept.
    ///
    /// # Errors
    /// Why the reply broke off, or why there is no room for it.
    pub(super) async fn collect(
        response: HttpResponse,
        make_room: impl Fn(usize) -> Result<(), Error>,
    ) -> Result<Self, Error> {
        let (response, mut body) = response.into_parts();
        let (status, mut headers) = (response.status(), response.headers().clone());
        // Whoever sends the body counts it.
        headers.remove(CONTENT_LENGTH);
        make_room(headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum())?;
        let mut bytes = Vec::new();
        while let Some(chunk) = poll_fn(|cx| Pin::new(&mut body).poll_next(cx)).await {
            let chunk = chunk.map_err(|err| broken(&*err))?;
            make_room(chunk.len())?;
            bytes.extend_from_slice(&chunk);
        }
        Ok(Self { status, headers, body: bytes.into() })
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
        response.body(self.body.clone())
    }
}

/// Why a reply has broken off.
fn broken(err: &(dyn StdError + 'static)) -> Error {
    let own = err.downcast_ref::<Error>().cloned();
    own.unwrap_or_else(|| Error::ReplyInvalid(format!("The reply broke off: {err}")))
}
