//! Links ask before they run.
//!
//! Any page can have a browser open any URL, so a URL that a browser opens tells nothing of what its
//! user wants. If this server has run its call before, it runs. If not, the browser gets a page that
//! shows the call, and one click has it run.

mod call_key;
pub(super) mod confirmations;
mod highlight;
mod known_calls;
mod page;
mod place;
mod submit;
mod token;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HOST, HeaderMap};
use actix_web::{HttpRequest, HttpResponse};
use owt_core::owtify::MAX_URL;
use owt_core::{Code, Control, Envelope, Error, Failure};

use self::call_key::CallKey;
use self::confirmations::Confirmations;
use self::page::Question;
pub(crate) use self::place::{PATH, Place};
use self::token::Subject;
use super::context::{RequestContext, exchange};
use super::guard::{Access, OpenedBy};
use super::headers::text;
use super::{Front, access_log, response};

/// The most bytes of source that a page shows. More than that did not come by a link.
const MAX_SHOWN: usize = 1 << 20;

impl<E: Control> Front<E> {
    /// Whether a call is to run now. If not, here is the page that asks.
    ///
    /// # Errors
    /// [`Error::ConfirmationRequired`] where a page would not be seen.
    pub(super) fn confirmed(
        &self,
        access: &Access,
        request: &HttpRequest,
        headers: &HeaderMap,
        envelope: &Envelope,
        context: &RequestContext,
    ) -> Result<Option<HttpResponse>, Error> {
        let confirmations = &self.state.confirmations;
        let link = match access {
            Access::Link(link) => Some(link),
            // No link can be as long, and it would take long to hash.
            _ if envelope.kwargs.as_ref().is_some_and(|kwargs| kwargs.len() > MAX_URL) => {
                return Ok(None);
            }
            _ => None,
        };
        let key = confirmations.keys.of(request.uri().path(), request.query_string(), envelope);
        match link.filter(|_| !confirmations.known.contains(key)) {
            Some(link) if !link.is_page => Err(Error::ConfirmationRequired),
            Some(link) if !confirmations.trust_links => {
                let page = self.ask(&link.opened_by, request, headers, envelope, key)?;
                let failure = Failure::from(Error::ConfirmationRequired);
                access_log::failure(&context.id, &failure, context.digest);
                self.state.counters.count_error(&failure.error);
                Ok(Some(page))
            }
            _ => {
                confirmations.known.note_run(key);
                Ok(None)
            }
        }
    }

    /// The page that asks whether a call is to run.
    fn ask(
        &self,
        opened_by: &OpenedBy,
        request: &HttpRequest,
        headers: &HeaderMap,
        envelope: &Envelope,
        key: CallKey,
    ) -> Result<HttpResponse, Error> {
        let source = match &envelope.code {
            Code::Source(source) => source.text().clone(),
            Code::Known(digest) => {
                self.executor.source(*digest).ok_or(Error::CodeUnknown(*digest))?
            }
        };
        if source.len() > MAX_SHOWN {
            return Err(Error::ConfirmationRequired);
        }
        let Confirmations { place, tokens, .. } = &self.state.confirmations;
        let url = request.uri().path_and_query().map_or("/", |url| url.as_str());
        let (call, token) = (key.to_string(), tokens.make(Subject { key, url }));
        let page = page::render(&Question {
            opened_by,
            host: text(headers, &HOST),
            place,
            path: request.uri().path(),
            query: request.query_string(),
            source: &source,
            digest: envelope.code.digest(),
            fn_name: &envelope.fn_name,
            kwargs: envelope.kwargs.as_deref(),
            pool: envelope.pool.as_deref(),
            has_lock: envelope.lock.is_some(),
            fields: [("url", url), ("call", &call), ("token", &token)],
        });
        Ok(shown(page, &tokens.set_cookie(is_secure(request))))
    }
}

/// A page that no other page can frame, read, or reach through the window that it opened it in.
fn shown(page: String, cookie: &str) -> HttpResponse {
    let mut response = HttpResponse::build(StatusCode::FORBIDDEN);
    response.insert_header((response::OWT_ERROR, Error::ConfirmationRequired.code()));
    response.insert_header((header::CONTENT_SECURITY_POLICY, page::POLICY.as_str()));
    response.insert_header((header::X_FRAME_OPTIONS, "DENY"));
    response.insert_header(("cross-origin-opener-policy", "same-origin"));
    response.insert_header(("cross-origin-resource-policy", "same-origin"));
    // With no-referrer, browsers would leave out the origin when the form is sent.
    response.insert_header((header::REFERRER_POLICY, "strict-origin"));
    response.insert_header((header::CACHE_CONTROL, "no-store"));
    response.insert_header((header::SET_COOKIE, cookie));
    response.content_type("text/html; charset=utf-8").body(page)
}

fn is_secure(request: &HttpRequest) -> bool {
    exchange(request).is_some_and(|exchange| exchange.is_secure())
}
