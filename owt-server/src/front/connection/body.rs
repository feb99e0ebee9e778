//! The body of an answer over HTTP/1, which tells its connection when it has ended.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use bytes::Bytes;

use super::Exchange;

pub(super) struct AnswerBody {
    body: BoxBody,
    /// Its connection, which has no other answers at the same time; over HTTP/2, none.
    exchange: Option<Rc<Exchange>>,
    /// Whether it has broken off. A stream that is polled after its error may say that it has ended.
    is_broken: bool,
}

impl AnswerBody {
    pub(super) fn new(body: BoxBody, exchange: Option<Rc<Exchange>>) -> Self {
        Self { body, exchange, is_broken: false }
    }
}

impl MessageBody for AnswerBody {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        if self.is_broken {
            return Poll::Pending;
        }
        let next = Pin::new(&mut self.body).poll_next(context);
        let Some(exchange) = &self.exchange else { return next };
        match next {
            // With an error, actix-web would drop what it has not written yet, such as the head.
            // Without the end that HTTP demands, the client knows as well.
            Poll::Ready(Some(Err(_))) => {
                exchange.close();
                self.is_broken = true;
                Poll::Pending
            }
            next => next,
        }
    }
}

impl Drop for AnswerBody {
    fn drop(&mut self) {
        self.exchange.iter().for_each(|exchange| exchange.end_answer());
    }
}

#[cfg(test)]
mod tests {
    use actix_web::body::BodyStream;
    use futures_util::stream;

    use super::super::super::Connections;
    use super::*;

    #[test]
    fn a_body_that_breaks_off_never_ends_however_often_it_is_polled() {
        let chunks = [Ok(Bytes::from_static(b"a")), Err("it broke off")];
        let body = BoxBody::new(BodyStream::new(stream::iter(chunks)));
        let exchange =
            Rc::new(Exchange::new(false, None, Connections::new(1, None).open(None).unwrap()));
        let mut body = Box::pin(AnswerBody::new(body, Some(exchange.clone())));
        let mut poll =
            || body.as_mut().poll_next(&mut Context::from_waker(std::task::Waker::noop()));
        assert!(matches!(poll(), Poll::Ready(Some(Ok(chunk))) if chunk == "a"));
        assert!(poll().is_pending() && exchange.is_closing());
        // The stream has come to its end, which would be the end of the answer.
        assert!(poll().is_pending());
    }
}
