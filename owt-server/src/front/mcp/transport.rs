//! The messages of agents over HTTP: rmcp answers them, behind the guard of every request.

use std::convert::Infallible;
use std::future::ready;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, HeaderMap, HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use futures_util::StreamExt;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyStream, Full};
use hyper::http::{Request, Response};
use owt_core::{Control, Error, Executor, Failure};
use rmcp::transport::streamable_http_server::StreamableHttpServerConfig;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::tower::StreamableHttpService;

use super::message::{self, Kind, MAX_BYTES, Message};
use super::server::{Asker, Server};
use crate::front::guard::Access;
use crate::front::headers::declared_len;
use crate::front::incoming::Incoming;
use crate::front::{AppState, Front};
use crate::memory_budget::Reserved;

const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");

/// Random bytes of the id of a session.
const SESSION_BYTES: usize = 16;

impl<E: Executor + Control + 'static> Front<E> {
    /// Answers a message of an agent.
    pub(in crate::front) async fn mcp(
        &self,
        access: &Access,
        request: &HttpRequest,
        headers: &HeaderMap,
        payload: Payload,
    ) -> Result<HttpResponse, Failure> {
        // A link is opened by whoever knows its URL, and runs nothing here.
        if !matches!(access, Access::Program | Access::Page) {
            return Err(Error::CrossSite.into());
        }
        if self.state.drain.is_draining() {
            return Err(Error::Draining.into());
        }
        let in_flight = self.state.drain.enter();
        let AppState { max_body, body_timeout, memory_budget, .. } = &*self.state;
        let held = memory_budget.hold(*body_timeout);
        let limit = MAX_BYTES.min(*max_body);
        let declared = declared_len(request.headers());
        let mut incoming = Incoming::new(payload, declared, limit, *body_timeout, held)?;
        let bytes = incoming.whole(Bytes::new()).await?;
        let Message { kind, arguments } = message::look(&bytes).await?;
        // As long as its answer is on its way, and so its call.
        let held = incoming.take_held();
        let asker = Asker::of(request, headers, session(headers));
        if let (Kind::Cancelled(id), Some(session)) = (&kind, &asker.session) {
            self.state.running_tools.cancel(session, id.clone());
        }
        let service = service(Server::new(self.clone(), asker, arguments));
        let answer = service.handle(passed_on(request, bytes)).await;
        drop(in_flight);
        let is_begun = kind == Kind::Initialize && answer.status().is_success();
        let mut response = response(answer, held);
        if is_begun {
            response.headers_mut().insert(SESSION, new_session());
        }
        Ok(response)
    }
}

/// What answers one message. It checks neither `Host` nor `Origin`: that has been done.
fn service<E: Executor + Control + 'static>(
    server: Server<E>,
) -> StreamableHttpService<Server<E>, NeverSessionManager> {
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .with_max_request_body_bytes(MAX_BYTES as usize)
        .disable_allowed_hosts();
    StreamableHttpService::new(move || Ok(server.clone()), Arc::default(), config)
}

/// The request as rmcp knows it.
fn passed_on(request: &HttpRequest, body: Bytes) -> Request<Full<Bytes>> {
    let mut made = Request::new(Full::new(body));
    // Both are of the same form in both versions of the crate that names them.
    *made.method_mut() = request.method().as_str().parse().unwrap_or_default();
    for (name, value) in request.headers() {
        let name = hyper::http::HeaderName::from_bytes(name.as_str().as_bytes());
        let value = hyper::http::HeaderValue::from_bytes(value.as_bytes());
        if let (Ok(name), Ok(value)) = (name, value) {
            made.headers_mut().append(name, value);
        }
    }
    // HTTP/2 has none.
    let host = hyper::http::HeaderValue::from_static("localhost");
    made.headers_mut().entry(hyper::http::header::HOST).or_insert(host);
    made
}

/// What rmcp answers; `held` is the memory that the message takes.
fn response(answer: Response<BoxBody<Bytes, Infallible>>, held: Reserved) -> HttpResponse {
    let (head, body) = answer.into_parts();
    let status = StatusCode::from_u16(head.status.as_u16()).unwrap_or_default();
    let mut response = HttpResponse::build(status);
    for (name, value) in &head.headers {
        response.append_header((name.as_str(), value.as_bytes()));
    }
    // What tools answer is for who asked.
    response.insert_header((CACHE_CONTROL, "no-store"));
    let data = BodyStream::new(body).filter_map(move |frame| {
        let _held = &held;
        let Ok(frame) = frame;
        ready(frame.into_data().ok().map(Ok::<_, Infallible>))
    });
    response.streaming(Box::pin(data))
}

/// The session that a client says it is in.
fn session(headers: &HeaderMap) -> Option<String> {
    headers.get(SESSION)?.to_str().ok().map(str::to_owned)
}

/// One that nobody guesses: whoever did could cancel the calls of others.
fn new_session() -> HeaderValue {
    let mut bytes = [0; SESSION_BYTES];
    getrandom::fill(&mut bytes).expect("the system has random numbers");
    HeaderValue::try_from(hex::encode(bytes)).expect("it is hexadecimal")
}
