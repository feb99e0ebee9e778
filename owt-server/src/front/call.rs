//! A request that is a call: its envelope found, its code run or its result taken from the cache, and
//! the reply sent.

use std::rc::Rc;

use actix_web::dev::Payload;
use actix_web::http::Method;
use actix_web::http::header::{HOST, HeaderMap};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::FutureExt as _;
use owt_core::{
    BodyStream, CachePolicy, Call, CallGuard, CallState, Control, DEFAULT_POOL, Error, Executor,
    Failure, Reply, ReplyBody, Request,
};

use super::body::Body;
use super::context::{RequestContext, exchange};
use super::drain::InFlight;
use super::guard::Access;
use super::headers::{declared_len, seen, text};
use super::incoming::Incoming;
use super::jobs::Wish;
use super::request_ids::Reservation;
use super::{AppState, Front, access_log, body, near_miss, response};
use crate::cache;
use crate::memory_budget::Reserved;

/// Headers by which a reply depends on its caller (RFC 9110, sections 13 and 14).
const CONDITIONS: [&str; 6] =
    ["if-match", "if-modified-since", "if-none-match", "if-range", "if-unmodified-since", "range"];

/// What goes with a call to its executor.
pub(super) struct Attached {
    /// What follows `call.request.body`.
    pub(super) rest: Option<BodyStream>,
    pub(super) guard: CallGuard,
    /// The memory that its body takes.
    pub(super) held: Reserved,
}

impl<E: Executor + Control + 'static> Front<E> {
    pub(super) async fn call(
        &self,
        access: &Access,
        request: &HttpRequest,
        headers: &HeaderMap,
        payload: Payload,
        context: &mut RequestContext,
        (reservation, in_flight): (Option<Reservation>, InFlight),
    ) -> Result<HttpResponse, Failure> {
        // What follows a CONNECT is no body, and comes only once we agree, which we do not. A signed
        // URL is a call without a body, and HTTP/2 does not say beforehand whether one comes.
        let payload = match request.method() == Method::CONNECT || context.is_signed {
            true => Payload::None,
            false => payload,
        };
        let AppState { max_body, body_timeout, uploads, memory_budget, limits, .. } = &*self.state;
        let declared = declared_len(request.headers());
        let held = memory_budget.hold(*body_timeout);
        let incoming = Incoming::new(payload, declared, *max_body, *body_timeout, held)?;
        let incoming = incoming.over(exchange(request));
        let body = body::read(
            headers,
            request.query_string(),
            incoming,
            uploads,
            (*limits, &self.sent_code),
        )
        .await;
        // Of a page of another site, nothing else is told than that it may not.
        let mut body = body.map_err(|err| match (access.to_read(), err) {
            (Err(refusal), _) => refusal,
            (Ok(()), Error::CodeMissing) => self.state.routes.missing(request.path()),
            (Ok(()), err) => err,
        })?;
        let wish = Wish::of(access, request.method(), headers);
        if body.envelope.use_cache || wish.is_some() {
            // The call may outlive the client that sends this.
            body.hold().await?;
        }
        let digest = body.envelope.code.digest();
        context.digest = Some(digest);
        if let Some(approval) = &self.state.approval {
            approval.check(digest, &body.envelope.fn_name).await?;
            if body.envelope.lock.is_some() {
                return Err(Error::LockNotApproved.into());
            }
        }
        if let Some(page) = self.confirmed(access, request, headers, &body.envelope, context)? {
            return Ok(page);
        }
        near_miss::note(request, &context.id, &body.envelope.near_misses);
        if self.state.access_log {
            access_log::name(request, body.envelope.name.as_ref());
        }
        let call = self.prepared(body, request, headers, context, (reservation, in_flight));
        self.run_as_wished(wish, call, (request.method(), headers), context).await
    }

    /// A call with its body, and what goes with it.
    pub(super) fn prepared(
        &self,
        body: Body,
        request: &HttpRequest,
        headers: &HeaderMap,
        context: &RequestContext,
        (reservation, in_flight): (Option<Reservation>, InFlight),
    ) -> (Box<Call>, Attached) {
        let exchange = exchange(request);
        let is_secure = exchange.is_some_and(|exchange| exchange.is_secure());
        let seen = Request {
            id: context.id.clone(),
            method: request.method().as_str().to_owned(),
            scheme: if is_secure { "https" } else { "http" }.to_owned(),
            host: text(headers, &HOST).to_owned(),
            path: request.uri().path().to_owned(),
            query: request.query_string().to_owned(),
            remote_addr: exchange.map(|it| it.remote_addr().to_owned()).unwrap_or_default(),
            headers: seen(headers),
            body: body.bytes,
            parts: body.parts,
        };
        let rest = body.rest.map(Incoming::rest);
        let guard = CallGuard::new((reservation, in_flight, body.spool));
        let call = Box::new(body.envelope.into_call(seen));
        (call, Attached { rest, guard, held: body.held })
    }

    /// Runs a call, or answers it from the result cache.
    pub(super) async fn run(
        &self,
        (mut call, attached): (Box<Call>, Attached),
        (method, headers): (&Method, &HeaderMap),
        context: &mut RequestContext,
    ) -> Result<HttpResponse, Failure> {
        match call.cache.take() {
            // On the heap, so that other calls do not carry its size around.
            Some(rule) => {
                Box::pin(self.cached((call, attached), &rule, (method, headers), context)).await
            }
            None => Ok(response::reply(execute(self.executor.clone(), call, attached).await?)?),
        }
    }

    /// Answers from the result cache, which a first call fills.
    async fn cached(
        &self,
        (mut call, attached): (Box<Call>, Attached),
        rule: &CachePolicy,
        (method, headers): (&Method, &HeaderMap),
        context: &mut RequestContext,
    ) -> Result<HttpResponse, Failure> {
        // What one caller has, or wants a part of, is nothing to the others who get this result.
        let headers_of_all = call.request.headers.iter();
        let headers_of_all = headers_of_all.filter(|(name, _)| !CONDITIONS.contains(name));
        call.request.headers = headers_of_all.collect();
        self.executor.remember(&call.code);
        let executing = |call| execute(self.executor.clone(), call, attached);
        let cache = &self.state.cache;
        // A limit disappoints once: after that, none is joined that ends earlier. Whatever else ends a call for
        // its caller alone was asked for.
        let mut again = false;
        let (reader, mut start, is_hit) = loop {
            let found = match method == Method::HEAD {
                false => Some(cache.find(&call, rule, again)),
                true => cache.find_kept(&call, rule, again).map(|reader| (reader, None)),
            };
            match found {
                None => {
                    let reply = response::reply(executing(call).await?)?;
                    return Ok(response::cached(reply, None, false));
                }
                Some((mut reader, Some(ticket))) => {
                    actix_web::rt::spawn(cache::fill(ticket, executing(call)));
                    let start = reader.start().await?;
                    break (reader, start, false);
                }
                Some((mut reader, None)) => {
                    if let Some(start) = self.join(&call, &mut reader).await? {
                        break (reader, start, true);
                    }
                }
            }
            again = true;
        };
        // With a key of the caller's own, another code may have made the result.
        context.digest = Some(start.head.digest);
        if is_hit {
            // A cookie is for the caller to whom it was given.
            start.head.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("set-cookie"));
        }
        if method.is_safe() && response::has_tag(headers, start.etag.as_deref()) {
            return Ok(response::cached(response::not_modified(), start.etag, is_hit));
        }
        let body = reader.whole().map_or_else(|| ReplyBody::Stream(reader), ReplyBody::Whole);
        let response = response::reply(Reply { head: start.head, body })?;
        Ok(response::cached(response, start.etag, is_hit))
    }

    /// Waits for what another call computes; `None` if that was ended for its caller alone.
    async fn join(
        &self,
        call: &Call,
        reader: &mut cache::Reader,
    ) -> Result<Option<cache::Start>, Failure> {
        // Most of them are kept, and nobody waits.
        if let Some(kept) = reader.join(call.timeout).now_or_never() {
            return kept;
        }
        let joined = reader.join(call.timeout);
        let pool = call.pool.as_deref().unwrap_or(DEFAULT_POOL).into();
        self.state.joined.wait(call, &pool, CallState::Queued, joined).await
    }
}

/// Runs a call. Until it has replied, it is here with its body, and so is the memory that this takes.
pub(super) async fn execute<E: Executor>(
    executor: Rc<E>,
    call: Box<Call>,
    attached: Attached,
) -> Result<Reply<E::Stream>, Failure> {
    let Attached { rest, guard, held } = attached;
    let reply = executor.execute(call, rest, guard).await;
    drop(held);
    reply
}
