//! `POST /_owt/confirm`: somebody has pressed the button of a page that asks.

use actix_web::dev::Payload;
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderMap};
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use owt_core::Error;
use owt_core::owtify::MAX_URL;
use url::form_urlencoded;

use super::call_key::CallKey;
use super::token::Subject;
use crate::front::Front;
use crate::front::guard::Guard;
use crate::front::headers::declared_len;
use crate::front::incoming::Incoming;

/// The most bytes of the form: a URL in which each may be percent-encoded, and a little more.
const MAX_FORM: u64 = 4 * MAX_URL as u64;

/// What the form says.
#[derive(Debug, Default, PartialEq, Eq)]
struct Fields {
    url: String,
    call: Option<CallKey>,
    token: String,
}

impl Fields {
    fn parse(body: &[u8]) -> Self {
        let mut fields = Self::default();
        for (name, value) in form_urlencoded::parse(body) {
            match &*name {
                "url" => fields.url = value.into_owned(),
                "call" => fields.call = value.parse().ok(),
                "token" => fields.token = value.into_owned(),
                _ => {}
            }
        }
        fields
    }
}

impl<E> Front<E> {
    /// Remembers the call of a page, and sends the browser to it.
    ///
    /// # Errors
    /// [`Error::ConfirmationRequired`] if the form is not one of a page that was open for a second.
    pub(in crate::front) async fn confirm(
        &self,
        request: &HttpRequest,
        headers: &HeaderMap,
        payload: Payload,
    ) -> Result<HttpResponse, Error> {
        if request.method() != Method::POST {
            return Err(Error::PathUnknown);
        }
        if !Guard::is_from_own_page(headers) {
            return Err(Error::CrossSite);
        }
        let fields = Fields::parse(&self.read_form(headers, payload).await?);
        let confirmations = &self.state.confirmations;
        let key = fields.call.ok_or(Error::ConfirmationRequired)?;
        let subject = Subject { key, url: &fields.url };
        let is_confirmed = confirmations.tokens.has_cookie(headers)
            && confirmations.tokens.is_valid(&fields.token, subject);
        if !is_confirmed {
            // No redirect: whatever follows one comes from this origin, and would run.
            return Err(Error::ConfirmationRequired);
        }
        confirmations.known.note_confirmed(key);
        Ok(HttpResponse::SeeOther()
            .insert_header((header::LOCATION, location(&fields.url)))
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .finish())
    }

    async fn read_form(&self, headers: &HeaderMap, payload: Payload) -> Result<Bytes, Error> {
        let state = &self.state;
        let held = state.memory_budget.hold(state.body_timeout);
        let declared = declared_len(headers);
        let mut body = Incoming::new(payload, declared, MAX_FORM, state.body_timeout, held)?;
        body.whole(Bytes::new()).await
    }
}

/// A URL of this server, written so that no browser takes the start of its path for a host.
fn location(url: &str) -> String {
    let is_like_host = url.starts_with("//") || url.starts_with("/\\");
    format!("{}{url}", if is_like_host { "/." } else { "" })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use url::Url;

    use super::*;

    #[rstest]
    #[case("/a?b=c", "http://localhost:9876/a?b=c")]
    #[case("//evil.example/a?b", "http://localhost:9876//evil.example/a?b")]
    #[case("/\\evil.example/a", "http://localhost:9876//evil.example/a")]
    fn no_path_leads_to_another_host(#[case] url: &str, #[case] expected: &str) {
        let base = Url::parse("http://localhost:9876/_owt/confirm").unwrap();
        assert_eq!(base.join(&location(url)).unwrap().as_str(), expected);
    }
}
