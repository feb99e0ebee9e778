//! One request, from its first line to its answer.

use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;

use actix_http::Request;
use actix_web::body::BoxBody;
use actix_web::dev::{Payload, RequestHead};
use actix_web::http::header::{HeaderMap, ORIGIN};
use actix_web::http::{Method, Version};
use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::future::LocalBoxFuture;
use owt_core::{Control, Digest, Error, Executor, Failure};

use super::auth::Peer;
use super::connection::Exchange;
use super::context::{RequestContext, exchange};
use super::disconnect::Watch;
use super::guard::{Access, Guard};
use super::headers::{declared_len, headers_with_host};
use super::request_ids::Reservation;
use super::routes::Found;
use super::unread::UntilUnread;
use super::{
    Front, SignedUrls, access_log, admin, client, confirm, mcp, near_miss, page, response,
    static_files,
};
use crate::relay;

/// Answers any request. On the heap from here on: actix-web moves what it is given several times.
pub(super) fn handle<E: Executor + Control + 'static>(
    request: HttpRequest,
    payload: web::Payload,
    front: web::ThinData<Front<E>>,
) -> LocalBoxFuture<'static, HttpResponse> {
    Box::pin(respond(request, payload, front))
}

async fn respond<E: Executor + Control + 'static>(
    request: HttpRequest,
    payload: web::Payload,
    front: web::ThinData<Front<E>>,
) -> HttpResponse {
    let exchange = exchange(&request);
    exchange.into_iter().for_each(|exchange| exchange.handle());
    let state = &front.state;
    let mut context =
        RequestContext { id: state.request_ids.make(), digest: None, is_signed: false };
    let line = state.access_log.then(|| access_log::Line::begin(&request));
    let headers = headers_with_host(request.uri(), request.headers());
    let (watch, payload) = match request.version() {
        Version::HTTP_2 => Some(Watch::over(payload.into_inner())).unzip(),
        _ => (None, Some(payload.into_inner())),
    };
    let stream = watch.as_ref().and(exchange).map(Exchange::open_stream);
    let payload = payload.unwrap_or(Payload::None);
    let outcome = {
        let mut answer = pin!(front.answer(&request, exchange, &headers, payload, &mut context));
        match &watch {
            None => answer.await,
            Some(watch) => tokio::select! {
                outcome = &mut answer => outcome,
                // Nobody reads this.
                () = watch.gone() => Ok(HttpResponse::NoContent().finish()),
            },
        }
    };
    let RequestContext { id, digest, is_signed } = context;
    state.counters.count_answer();
    let mut response =
        outcome.unwrap_or_else(|failure| front.failure(&id, &failure, digest, &headers));
    if request.version() == Version::HTTP_10 {
        response::without_chunks(&mut response);
    }
    near_miss::warn(&request, &mut response);
    let reader = match is_signed {
        true => headers.get(ORIGIN),
        false => state.guard.readable_by(&headers),
    };
    response::finish(&mut response, &id, digest, reader);
    let response = match watch {
        Some(watch) => response.map_body(|_, body| watch.until_gone(body)),
        None => response,
    };
    let response = match line {
        Some(line) => line.end_with(response, &request, &id, digest),
        None => response,
    };
    let limit = state.write_timeout;
    match stream {
        Some(stream) => {
            response.map_body(|_, body| BoxBody::new(UntilUnread::new(body, stream, limit)))
        }
        None => response,
    }
}

impl<E> Front<E> {
    /// What can be told by a head alone, before a client is asked for the body.
    pub(super) async fn admit_head(&self, request: &Request) -> Result<(), Error> {
        let head = request.head();
        self.state.limits.check_head(&head.method, &head.uri, head.headers())?;
        let headers = headers_with_host(&head.uri, head.headers());
        let peer = peer(request.peer_addr(), request.conn_data());
        self.admit(head, &headers, peer).await?;
        match declared_len(&headers) > self.state.max_body {
            true => Err(Error::BodyTooLarge { limit: self.state.max_body }),
            false => Ok(()),
        }
    }

    /// Decides on a request, and says by which way it is allowed.
    async fn admit(
        &self,
        head: &RequestHead,
        headers: &HeaderMap,
        peer: Peer<'_>,
    ) -> Result<Access, Error> {
        if !SignedUrls::decide(head) {
            return self.state.guard.admit(&head.method, headers, peer).await;
        }
        self.state.guard.admit_signed(headers)?;
        self.state.signed_urls.verify(head).await?;
        Ok(Access::Signed)
    }

    /// The answer to a request that no handler sees.
    pub(super) fn refuse(&self, error: &Error, headers: &HeaderMap) -> HttpResponse {
        let id = self.state.request_ids.make();
        self.state.counters.count_answer();
        let mut response = self.failure(&id, &error.clone().into(), None, headers);
        response::finish(&mut response, &id, None, self.state.guard.readable_by(headers));
        response
    }

    /// Logs and counts a request that came to nothing, and says why.
    fn failure(
        &self,
        id: &str,
        failure: &Failure,
        digest: Option<Digest>,
        headers: &HeaderMap,
    ) -> HttpResponse {
        access_log::failure(id, failure, digest);
        self.state.counters.count_error(&failure.error);
        let mut response = response::failure(failure, digest.is_some(), headers);
        match &failure.error {
            Error::AuthRequired => response::ask(&mut response, self.state.guard.challenges()),
            Error::MethodNotAllowed { allow } => response::allow(&mut response, allow),
            _ => {}
        }
        response
    }

    /// Refuses what a connection of HTTP/2 has too much of. A client that goes on with that, though it was
    /// told how many streams there are, loses its connection.
    fn check_streams(&self, exchange: Option<&Rc<Exchange>>) -> Result<(), Error> {
        let limit = self.state.limits.streams;
        match exchange {
            Some(exchange) if exchange.streams() > limit => {
                if exchange.streams() > limit.saturating_mul(2) {
                    exchange.close();
                }
                Err(Error::TooManyStreams { limit })
            }
            _ => Ok(()),
        }
    }

    /// What is served without any code.
    async fn static_file(&self, request: &HttpRequest) -> Option<HttpResponse> {
        if let Some(files) = &self.state.static_files
            && let Some(response) = Box::pin(files.answer(request)).await
        {
            return Some(response);
        }
        static_files::no_icon(request)
    }

    /// The page in which code is written, for a browser that opens it, and the frame in it.
    fn page(
        &self,
        access: &Access,
        request: &HttpRequest,
        headers: &HeaderMap,
    ) -> Option<HttpResponse> {
        if !self.state.has_page {
            return None;
        }
        if page::is_asked_for(access, request, headers) {
            return Some(page::answer(headers));
        }
        let is_frame = request.path() == page::FRAME_PATH && request.method() == Method::GET;
        is_frame.then(page::frame)
    }

    /// Gives a request the id that its client has chosen, if it has.
    fn reserve_id(
        &self,
        request: &HttpRequest,
        context: &mut RequestContext,
    ) -> Result<Option<Reservation>, Error> {
        let Some(chosen) = request.headers().get(response::OWT_REQUEST_ID) else { return Ok(None) };
        let chosen = chosen.to_str().map_err(|_| Error::RequestIdInvalid)?;
        let reservation = self.state.request_ids.reserve(chosen)?;
        reservation.id().clone_into(&mut context.id);
        Ok(Some(reservation))
    }
}

impl<E: Executor + Control + 'static> Front<E> {
    async fn answer(
        &self,
        request: &HttpRequest,
        exchange: Option<&Rc<Exchange>>,
        headers: &HeaderMap,
        payload: Payload,
        context: &mut RequestContext,
    ) -> Result<HttpResponse, Failure> {
        self.state.limits.check_head(request.method(), request.uri(), request.headers())?;
        self.check_streams(exchange)?;
        let guard = &self.state.guard;
        if Guard::is_preflight(request.method(), headers) {
            guard.admit_preflight(headers)?;
            return Ok(response::preflight(headers));
        }
        if request.path() == client::PATH {
            // Pages load scripts without credentials, and there is nothing secret in this one.
            guard.admit_preflight(headers)?;
            return Ok(client::answer(request.method(), headers)?);
        }
        let peer = peer(request.peer_addr(), exchange);
        let access = self.admit(request.head(), headers, peer).await?;
        context.is_signed = access == Access::Signed;
        if request.path() == confirm::PATH {
            return Ok(Box::pin(self.confirm(request, headers, payload)).await?);
        }
        if let Some(path) = request.path().strip_prefix("/_owt/") {
            access.to_read()?;
            if let Some(answer) = self.page(&access, request, headers) {
                return Ok(answer);
            }
            // On the heap, so that calls do not carry its size around.
            if (request.path(), request.method()) == (relay::PATH, &Method::POST) {
                let answer = self.relayed(&access, headers, payload, context);
                return Box::pin(answer).await;
            }
            if request.path() == mcp::PATH {
                return Box::pin(self.mcp(&access, request, headers, payload)).await;
            }
            if let Some(answer) = Box::pin(self.jobs(&access, request, headers, context)).await {
                return Ok(answer?);
            }
            return Ok(admin::answer(self, request.method(), path).await?);
        }
        let endpoint = match self.find_endpoint(request)? {
            Some(Found::OtherMethods(allow)) => {
                access.to_read()?;
                return Self::other_method(request.method(), &allow);
            }
            Some(Found::Endpoint(endpoint, parts)) => Some((endpoint, parts)),
            None => None,
        };
        if endpoint.is_none()
            && access.to_read().is_ok()
            && let Some(response) = self.static_file(request).await
        {
            return Ok(response);
        }
        if endpoint.is_none()
            && let Some(page) = self.page(&access, request, headers)
        {
            return Ok(page);
        }
        if self.state.drain.is_draining() {
            return Err(Error::Draining.into());
        }
        let in_flight = self.state.drain.enter();
        let reservation = self.reserve_id(request, context)?;
        if let Some(endpoint) = endpoint {
            let owner = (reservation, in_flight);
            let answer =
                self.endpoint(endpoint, &access, request, headers, payload, context, owner);
            // On the heap, so that other calls do not carry its size around.
            return Box::pin(answer).await;
        }
        self.call(&access, request, headers, payload, context, (reservation, in_flight)).await
    }
}

/// Who is at the other end, and what they have shown on this connection.
fn peer(address: Option<SocketAddr>, exchange: Option<&Rc<Exchange>>) -> Peer<'_> {
    let address = address.map(|address| address.ip());
    Peer { address, trust: exchange.map(|exchange| exchange.trust()) }
}
