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
}

impl AnswerBody {
    pub(super) fn new(body: BoxBody, exchange: Option<Rc<Exchange>>) -> Self {
        Self { body, exchange }
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
        let next = Pin::new(&mut self.body).poll_next(context);
        let Some(exchange) = &self.exchange else { return next };
        match next {
            // With an error, actix-web would drop what it has not written yet, such as the head.
            // Without the end that HTTP demands, the client knows as well.
            Poll::Ready(Some(Err(_))) => {
                exchange.close();
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
