//! `POST /_owt/calls`: another owt hands on a call, and is told what it came to.

mod frames;
mod read;

use actix_web::HttpResponse;
use actix_web::dev::Payload;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap};
use owt_core::{Call, CallGuard, Control, DEFAULT_POOL, Error, Executor, Failure};

use super::body::{LARGE, unless_small};
use super::call::{Attached, execute};
use super::context::RequestContext;
use super::guard::Access;
use super::{AppState, Front};
use crate::relay::{CALL, CallHead, REPLY};
use frames::{Outcome, frames};
use read::Reader;

impl<E: Executor + Control + 'static> Front<E> {
    /// Runs a call of another owt. Who may not call at all, is told so as anybody else is.
    pub(super) async fn relayed(
        &self,
        access: &Access,
        headers: &HeaderMap,
        payload: Payload,
        context: &mut RequestContext,
    ) -> Result<HttpResponse, Failure> {
        if *access != Access::Program {
            return Err(Error::CrossSite.into());
        }
        if headers.get(CONTENT_TYPE).is_none_or(|kind| kind != CALL) {
            return Err(Error::ContentType.into());
        }
        if self.state.drain.is_draining() {
            return Err(Error::Draining.into());
        }
        let taken = self.take(payload, context).await;
        let outcome = Outcome { front: self.clone(), context: context.clone() };
        let mut response = HttpResponse::Ok();
        response.insert_header((CONTENT_TYPE, REPLY)).insert_header((CACHE_CONTROL, "no-store"));
        Ok(match taken {
            Err(err) => {
                // The rest of the body is not read.
                response.force_close();
                response.body(outcome.failed(&err.into(), false).encode())
            }
            Ok((call, attached)) => {
                let is_streamed = attached.rest.is_some();
                let running = Box::pin(execute(self.executor.clone(), call, attached));
                match frames(outcome, running, is_streamed).await {
                    (whole, None) => response.body(whole),
                    (_, Some(streamed)) => response.streaming(streamed),
                }
            }
        })
    }

    /// Reads a call, and checks it as any other.
    async fn take(
        &self,
        payload: Payload,
        context: &mut RequestContext,
    ) -> Result<(Box<Call>, Attached), Error> {
        let AppState { drain, routes, memory_budget, body_timeout, max_body, .. } = &*self.state;
        let in_flight = drain.enter();
        if routes.is_only {
            return Err(Error::EndpointUnknown);
        }
        let held = memory_budget.hold(*body_timeout);
        let mut reader = Reader::new(payload, *max_body, *body_timeout, held);
        let head = reader.head().await?;
        let head = self.check(head).await?;
        context.digest = Some(head.digest());
        // A description is nobody's call, and has no id.
        let reservation = match head.id.is_empty() {
            true => None,
            false => Some(self.state.request_ids.reserve(&head.id)?),
        };
        if let Some(reservation) = &reservation {
            reservation.id().clone_into(&mut context.id);
        }
        let pool = self.pool_for(&head.pool);
        let is_streamed = head.is_streamed;
        let (body, contents, spool) = reader.body(&head, &self.state.uploads).await?;
        let call = Box::new(head.into_call(pool, body, contents));
        let held = reader.take_held();
        let rest = is_streamed.then(|| reader.rest());
        let guard = CallGuard::new((reservation, in_flight, spool));
        Ok((call, Attached { rest, guard, held }))
    }

    /// Checks what does not depend on the body, as of any call.
    async fn check(&self, head: CallHead<'static>) -> Result<CallHead<'static>, Error> {
        if head.data_only && !self.state.takes_data_only {
            let reason =
                "it evaluates arguments, which this server may not: start it with --no-eval";
            return Err(Error::NoMember(reason.to_owned()));
        }
        if let Some(approval) = &self.state.approval {
            approval.check(head.digest(), head.fn_name()).await?;
            if head.has_lock() {
                return Err(Error::LockNotApproved);
            }
        }
        let (is_large, limits) =
            (head.kwargs().is_some_and(|kwargs| kwargs.len() > LARGE), self.state.limits);
        unless_small(is_large, move || limits.check_kwargs(head.kwargs()).map(|()| head)).await
    }

    /// The pool of a call that was for the pool `name` there: the one of this name, if there is one here.
    fn pool_for(&self, name: &str) -> String {
        if self.executor.has_pool(name) { name.to_owned() } else { DEFAULT_POOL.to_owned() }
    }
}
