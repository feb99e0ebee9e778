//! One request, from its first line to its answer.

use std::borrow::Cow;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use actix_web::dev::{Payload, RequestHead};
use actix_web::http::header::{CONTENT_LENGTH, HOST, HeaderMap, HeaderValue};
use actix_web::http::{Method, Uri, Version};
use actix_web::{HttpRequest, HttpResponse, web};
use owt_core::owtify::MAX_URL;
use owt_core::{Cache as Rule, Call, Digest, Error, Failure, Reply, ReplyBody, Request};

use super::connection::Exchange;
use super::gone::Watch;
use super::guard::Guard;
use super::incoming::Incoming;
use super::{
    Connections, StaticFiles, access_log, answer, body, client, near_miss, reserved, static_files,
};
use crate::buffers::Buffers;
use crate::cache::{self, Cache};
use crate::pool::{Attached, Claim, Links, is_id};

/// What all threads of the front share of one server.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) guard: Guard,
    pub(crate) max_body: u64,
    /// What bodies may take of memory together.
    pub(crate) buffers: Arc<Buffers>,
    /// How long a client may take to send the head of a request.
    pub(crate) head_timeout: Duration,
    /// How long a body may stand still while it is being read.
    pub(crate) body_timeout: Duration,
    /// Where files of forms are kept as long as their calls.
    pub(crate) uploads: PathBuf,
    pub(crate) static_files: Option<StaticFiles>,
    /// Whether each request is a line in the log.
    pub(crate) access_log: bool,
    pub(crate) cache: Arc<Cache>,
    pub(crate) connections: Arc<Connections>,
    /// The first half of each request's id; the second is a number.
    pub(crate) run_id: u32,
    pub(crate) requests: AtomicU32,
}

/// What one thread of the front works with.
#[derive(Clone)]
pub(crate) struct Front {
    pub(crate) site: Arc<Site>,
    pub(crate) links: Rc<Links>,
}

/// Answers any request.
pub(crate) async fn handle(
    request: HttpRequest,
    payload: web::Payload,
    front: web::ThinData<Front>,
) -> HttpResponse {
    exchange(&request).into_iter().for_each(|exchange| exchange.handle());
    let mut id = front.site.new_id();
    let mut digest = None;
    let line = front.site.access_log.then(|| access_log::Line::begin(&request));
    let headers = headers_with_host(request.uri(), request.headers());
    let (watch, payload) = match request.version() {
        Version::HTTP_2 => Some(Watch::over(payload.into_inner())).unzip(),
        _ => (None, Some(payload.into_inner())),
    };
    let payload = payload.unwrap_or(Payload::None);
    let answer = front.answer(&request, &headers, payload, &mut id, &mut digest);
    let outcome = match &watch {
        None => answer.await,
        Some(watch) => tokio::select! {
            outcome = answer => outcome,
            // Nobody reads this.
            () = watch.gone() => Ok(HttpResponse::NoContent().finish()),
        },
    };
    front.links.count(|tally| tally.requests += 1);
    let mut response = outcome.unwrap_or_else(|failure| {
        access_log::failure(&id, &failure, digest);
        front.links.count(|tally| tally.failed(failure.error.code()));
        answer::failure(&failure, digest.is_some(), &headers)
    });
    if request.version() == Version::HTTP_10 {
        answer::without_chunks(&mut response);
    }
    near_miss::warn(&request, &mut response);
    answer::finish(&mut response, &id, digest, front.site.guard.readable_by(&headers));
    let response = match watch {
        Some(watch) => response.map_body(|_, body| watch.until_gone(body)),
        None => response,
    };
    match line {
        Some(line) => line.end_with(response, &request, &id, digest),
        None => response,
    }
}

/// Headers by which a reply depends on its caller (RFC 9110, sections 13 and 14).
const CONDITIONS: [&str; 6] =
    ["if-match", "if-modified-since", "if-none-match", "if-range", "if-unmodified-since", "range"];

impl Site {
    fn new_id(&self) -> String {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        format!("{:08x}{number:08x}", self.run_id)
    }
}

impl Front {
    /// What can be told by a head alone, before a client is asked for the body.
    pub(super) fn admit_head(&self, head: &RequestHead) -> Result<(), Error> {
        let headers = headers_with_host(&head.uri, head.headers());
        if url_len(&head.uri) > MAX_URL {
            return Err(Error::UrlTooLong { limit: MAX_URL as u64 });
        }
        self.site.guard.admit(&headers)?;
        match declared_len(&headers) > self.site.max_body {
            true => Err(Error::BodyTooLarge { limit: self.site.max_body }),
            false => Ok(()),
        }
    }

    /// The answer to a request that no handler sees.
    pub(super) fn refuse(&self, error: &Error, headers: &HeaderMap) -> HttpResponse {
        let id = self.site.new_id();
        let failure = Failure::from(error.clone());
        access_log::failure(&id, &failure, None);
        self.links.count(|tally| {
            tally.requests += 1;
            tally.failed(error.code());
        });
        let mut response = answer::failure(&failure, false, headers);
        answer::finish(&mut response, &id, None, self.site.guard.readable_by(headers));
        response
    }

    async fn answer(
        &self,
        request: &HttpRequest,
        headers: &HeaderMap,
        payload: Payload,
        id: &mut String,
        digest: &mut Option<Digest>,
    ) -> Result<HttpResponse, Failure> {
        if url_len(request.uri()) > MAX_URL {
            return Err(Error::UrlTooLong { limit: MAX_URL as u64 }.into());
        }
        let guard = &self.site.guard;
        if Guard::is_preflight(request.method(), headers) {
            guard.admit_preflight(headers)?;
            return Ok(answer::preflight(headers));
        }
        if request.path() == client::PATH {
            // Pages load scripts without credentials, and there is nothing secret in this one.
            guard.admit_preflight(headers)?;
            return Ok(client::answer(request.method(), headers)?);
        }
        guard.admit(headers)?;
        if let Some(path) = request.path().strip_prefix("/_owt/") {
            return Ok(reserved::answer(self, request.method(), path).await?);
        }
        if let Some(response) = self.static_file(request).await {
            return Ok(response);
        }
        if self.links.shared().is_draining() {
            return Err(Error::Draining.into());
        }
        let _under_way = self.links.enter();
        let claim = self.rename(request, id)?;
        self.call(request, headers, payload, id, claim, digest).await
    }

    /// What is served without any code.
    async fn static_file(&self, request: &HttpRequest) -> Option<HttpResponse> {
        if let Some(files) = &self.site.static_files
            && let Some(response) = files.answer(request).await
        {
            return Some(response);
        }
        static_files::no_icon(request)
    }

    /// Gives a request the id that its client has chosen, if it has.
    fn rename(&self, request: &HttpRequest, id: &mut String) -> Result<Option<Arc<Claim>>, Error> {
        let Some(chosen) = request.headers().get(answer::OWT_REQUEST_ID) else { return Ok(None) };
        let chosen = chosen.to_str().ok().filter(|text| is_id(text));
        let chosen = chosen.ok_or(Error::RequestIdInvalid)?;
        let is_ours = chosen.len() == id.len() && chosen[..8] == id[..8];
        let claim = self.links.shared().claims.take(chosen).filter(|_| !is_ours);
        let claim = claim.ok_or(Error::RequestIdTaken)?;
        chosen.clone_into(id);
        Ok(Some(claim))
    }

    async fn call(
        &self,
        request: &HttpRequest,
        headers: &HeaderMap,
        payload: Payload,
        id: &str,
        claim: Option<Arc<Claim>>,
        digest: &mut Option<Digest>,
    ) -> Result<HttpResponse, Failure> {
        let payload = match request.method() == Method::CONNECT {
            // What follows is no body, and comes only once we agree, which we do not.
            true => Payload::None,
            false => payload,
        };
        let Site { max_body, body_timeout, uploads, buffers, .. } = &*self.site;
        let declared = declared_len(request.headers());
        let held = buffers.hold(*body_timeout);
        let incoming = Incoming::new(payload, declared, *max_body, *body_timeout, held)?;
        let mut body = body::read(headers, request.query_string(), incoming, uploads).await?;
        if body.envelope.use_cache {
            // The result may outlive the client that sends this.
            body.hold().await?;
        }
        *digest = Some(body.envelope.code.digest());
        near_miss::note(request, id, &body.envelope.near_misses);
        if self.site.access_log {
            access_log::name(request, body.envelope.name.as_ref());
        }
        let seen = Request {
            id: id.to_owned(),
            method: request.method().as_str().to_owned(),
            scheme: scheme(request).to_owned(),
            host: text(headers, HOST.as_str()),
            path: request.uri().path().to_owned(),
            query: request.query_string().to_owned(),
            remote_addr: request.peer_addr().map(|peer| peer.ip().to_string()).unwrap_or_default(),
            headers: pairs(headers),
            body: body.bytes,
            parts: body.parts,
        };
        let upload = body.rest.map(Incoming::rest);
        let attached = Attached { upload, spool: body.spool, held: Some(body.held), claim };
        let mut call = body.envelope.into_call(seen);
        match call.cache.take() {
            Some(rule) => self.cached(call, attached, &rule, request, digest).await,
            None => Ok(answer::reply(self.links.run(call, attached).await?)?),
        }
    }

    /// Answers from the result cache, which a first call fills.
    async fn cached(
        &self,
        mut call: Call,
        attached: Attached,
        rule: &Rule,
        request: &HttpRequest,
        digest: &mut Option<Digest>,
    ) -> Result<HttpResponse, Failure> {
        // What one caller has, or wants a part of, is nothing to the others who get this result.
        call.request.headers.retain(|(name, _)| !CONDITIONS.contains(&name.as_str()));
        self.links.remember(&call.code);
        let (reader, ticket) = match request.method() == Method::HEAD {
            false => self.site.cache.find(&call, rule),
            true => match self.site.cache.find_kept(&call, rule) {
                Some(reader) => (reader, None),
                None => {
                    let reply = answer::reply(self.links.run(call, attached).await?)?;
                    return Ok(answer::cached(reply, None, false));
                }
            },
        };
        let is_hit = ticket.is_none();
        if let Some(ticket) = ticket {
            let links = self.links.clone();
            actix_web::rt::spawn(
                async move { cache::fill(ticket, links.run(call, attached)).await },
            );
        }
        let mut start = reader.start().await?;
        // With a key of the caller's own, another code may have made the result.
        *digest = Some(start.head.digest);
        if is_hit {
            // A cookie is for the caller to whom it was given.
            start.head.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("set-cookie"));
        }
        let is_safe = request.method().is_safe();
        if is_safe && answer::has_tag(request.headers(), start.etag.as_deref()) {
            return Ok(answer::cached(answer::not_modified(), start.etag, is_hit));
        }
        let body = reader.whole().map_or_else(|| ReplyBody::Stream(reader), ReplyBody::Whole);
        let response = answer::reply(Reply { head: start.head, body })?;
        Ok(answer::cached(response, start.etag, is_hit))
    }
}

/// The headers, with the host that the request line names. HTTP/2 has it nowhere else (RFC 9113,
/// section 8.3.1), and where HTTP/1.1 has both, the header does not count (RFC 9112, section 3.2.2).
fn headers_with_host<'a>(uri: &Uri, headers: &'a HeaderMap) -> Cow<'a, HeaderMap> {
    let host = uri.authority().and_then(|host| HeaderValue::from_str(host.as_str()).ok());
    let Some(host) = host else { return Cow::Borrowed(headers) };
    let mut headers = headers.clone();
    headers.insert(HOST, host);
    Cow::Owned(headers)
}

/// The connection that a request came over.
fn exchange(request: &HttpRequest) -> Option<&Rc<Exchange>> {
    request.conn_data()
}

fn scheme(request: &HttpRequest) -> &'static str {
    match exchange(request).is_some_and(|exchange| exchange.is_secure()) {
        true => "https",
        false => "http",
    }
}

fn url_len(uri: &Uri) -> usize {
    uri.path_and_query().map_or(0, |url| url.as_str().len())
}

fn declared_len(headers: &HeaderMap) -> u64 {
    text(headers, CONTENT_LENGTH.as_str()).parse().unwrap_or(0)
}

fn text(headers: &HeaderMap, name: &str) -> String {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value.unwrap_or_default().to_owned()
}

fn pairs(headers: &HeaderMap) -> Vec<(String, Vec<u8>)> {
    headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
        .collect()
}
