//! A request to a named endpoint, from its arguments to its reply.

use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::header::{ALLOW, HeaderMap, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse};
use owt_core::{CachePolicy, Control, Digest, Entry, Error, Executor, Failure};
use sha2::{Digest as _, Sha256};

use super::endpoint::{Current, Endpoint};
use super::table::Found;
use crate::front::context::RequestContext;
use crate::front::drain::InFlight;
use crate::front::guard::{Access, Link};
use crate::front::headers::declared_len;
use crate::front::incoming::Incoming;
use crate::front::jobs::Wish;
use crate::front::request_ids::Reservation;
use crate::front::{AppState, Front, access_log, body};

/// Says why the newest text of the endpoint's file is not what has answered.
const STALE: &str = "owt-route-stale";

impl<E: Executor + Control + 'static> Front<E> {
    /// Answers a request of which the method is none of its path's.
    pub(in crate::front) fn other_method(
        method: &Method,
        allow: &str,
    ) -> Result<HttpResponse, Failure> {
        if method == Method::OPTIONS {
            let mut response = HttpResponse::build(StatusCode::NO_CONTENT);
            return Ok(response.insert_header((ALLOW, allow)).finish());
        }
        Err(Error::MethodNotAllowed { allow: allow.into() }.into())
    }

    /// Calls an endpoint.
    #[expect(clippy::too_many_arguments, reason = "a request, and all that is known of it")]
    pub(in crate::front) async fn endpoint(
        &self,
        (endpoint, parts): (Arc<Endpoint>, Vec<(String, String)>),
        access: &Access,
        request: &HttpRequest,
        headers: &HeaderMap,
        payload: Payload,
        context: &mut RequestContext,
        (reservation, in_flight): (Option<Reservation>, InFlight),
    ) -> Result<HttpResponse, Failure> {
        may_call(access, request.method())?;
        let AppState { max_body, body_timeout, uploads, memory_budget, limits, .. } = &*self.state;
        let held = memory_budget.hold(*body_timeout);
        let declared = declared_len(request.headers());
        let incoming = Incoming::new(payload, declared, *max_body, *body_timeout, held)?;
        let Current { code, stale } = endpoint.current(&*self.executor).await;
        let envelope = Box::new(endpoint.envelope(code));
        let digest = envelope.code.digest();
        context.digest = Some(digest);
        if let Some(approval) = &self.state.approval {
            approval.check(digest, &envelope.fn_name).await?;
        }
        if self.state.access_log {
            access_log::name(request, envelope.name.as_ref());
        }
        let query = request.query_string();
        let mut body =
            body::read_plain(headers, query, envelope, incoming, uploads, *limits).await?;
        let is_kept = body.envelope.use_cache && body.parts.is_none();
        let wish = Wish::of(access, request.method(), headers);
        if is_kept || wish.is_some() {
            body.hold().await?;
        }
        let key = is_kept
            .then(|| cache_key(request.method(), &request.uri().to_string(), digest, &body.bytes));
        let (mut call, attached) =
            self.prepared(body, request, headers, context, (reservation, in_flight));
        call.cache = key.map(|key| CachePolicy { with_kwargs: false, key: Some(key) });
        (call.entry, call.home) = (Entry::Endpoint(parts), Some(endpoint.home()));
        let mut response = self
            .run_as_wished(wish, (call, attached), (request.method(), headers), context)
            .await?;
        if let Some(stale) = stale.as_deref().and_then(|text| HeaderValue::from_str(text).ok()) {
            response.headers_mut().insert(STALE.parse().expect("it is a name"), stale);
        }
        Ok(response)
    }

    /// Which endpoint a request is for, if any.
    pub(in crate::front) fn find_endpoint(
        &self,
        request: &HttpRequest,
    ) -> Result<Option<Found>, Error> {
        self.state.routes.find(request.method(), request.uri().path())
    }
}

/// Whether somebody may call an endpoint. A link may, as at any web server: the code is the server's own,
/// and its arguments are data; but no form, and nothing that a page loads without showing it.
fn may_call(access: &Access, method: &Method) -> Result<(), Error> {
    match access {
        Access::Link(Link { is_page, .. }) if !is_page || !method.is_safe() => {
            Err(Error::CrossSite)
        }
        _ => Ok(()),
    }
}

/// The key of a result: all that it may depend on, but for headers.
pub(in crate::front) fn cache_key(
    method: &Method,
    target: &str,
    digest: Digest,
    body: &[u8],
) -> String {
    let method = if method == Method::HEAD { &Method::GET } else { method };
    let body = hex::encode(Sha256::digest(body));
    // No key of a client's begins with a null, which ends up in no URL.
    format!("\0{method} {target} {digest} {body}")
}
