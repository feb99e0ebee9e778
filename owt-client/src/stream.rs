//! The chunks of a reply as a stream.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;
use futures_util::stream;

use crate::{Error, Reply};

/// The chunks of a reply as they arrive. Dropping it ends the call. See [`Reply::stream`].
pub struct ByteStream(Pin<Box<dyn Stream<Item = Result<Bytes, Error>> + Send + Sync>>);

impl ByteStream {
    pub(crate) fn new(reply: Reply) -> ByteStream {
        ByteStream(Box::pin(stream::try_unfold(reply, async |mut reply: Reply| {
            Ok(reply.chunk().await?.map(|chunk| (chunk, reply)))
        })))
    }
}

impl Stream for ByteStream {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.as_mut().poll_next(cx)
    }
}

impl fmt::Debug for ByteStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ByteStream")
    }
}
