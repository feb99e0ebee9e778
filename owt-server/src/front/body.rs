//! Reads a request's body as far as the call needs it, and finds the envelope in the request.

use actix_web::http::header::{CONTENT_TYPE, HeaderMap};
use actix_web::web;
use bytes::Bytes;
use owt_core::{Content, Envelope, Error, Part};
use std::borrow::Cow;
use std::path::Path;

use super::headers::text;
use super::incoming::Incoming;
use super::sent_code::SentCode;
use super::{RequestLimits, multipart};
use crate::memory_budget::Reserved;
use crate::spool::Spool;

/// Bytes from which on a body is taken apart on a thread of its own.
pub(super) const LARGE: usize = 256 * 1024;

/// A body, and what was found in it.
pub(super) struct Body {
    /// The body, or its beginning.
    pub(super) bytes: Bytes,
    /// What follows, if that is not all.
    pub(super) rest: Option<Incoming>,
    pub(super) parts: Option<Vec<Part>>,
    /// Keeps the files of the parts.
    pub(super) spool: Option<Spool>,
    /// Boxed, because each move of the body would copy all of it.
    pub(super) envelope: Box<Envelope>,
    /// Its share of the memory that bodies may take.
    pub(super) held: Reserved,
}

impl Body {
    fn plain(
        bytes: Bytes,
        rest: Option<Incoming>,
        envelope: Box<Envelope>,
        held: Reserved,
    ) -> Self {
        Self { bytes, rest, parts: None, spool: None, envelope, held }
    }

    /// Reads all of it into memory, for a call that cannot begin before.
    pub(super) async fn hold(&mut self) -> Result<(), Error> {
        if let Some(mut rest) = self.rest.take() {
            self.bytes = rest.whole(std::mem::take(&mut self.bytes)).await?;
            self.held = rest.take_held();
        }
        Ok(())
    }
}

/// What a `Content-Type` says that a body is, as far as envelopes go.
#[derive(Debug, PartialEq, Eq)]
enum Form {
    Json,
    Urlencoded,
    Multipart(String),
    Other,
}

/// Finds the envelope, in the body if there is one in it, else in the query; and checks it.
pub(super) async fn read(
    headers: &HeaderMap,
    query: &str,
    incoming: Incoming,
    uploads: &Path,
    (limits, sent_code): (RequestLimits, &SentCode),
) -> Result<Body, Error> {
    limits.check_fields(query.as_bytes())?;
    let query = Query { text: query, sent_code };
    let mut body = find_envelope(headers, query, incoming, uploads, limits).await?;
    check_kwargs(&mut body.envelope.kwargs, limits).await?;
    Ok(body)
}

/// Reads the body of a request that has its envelope elsewhere: all of it is its handler's.
pub(super) async fn read_plain(
    headers: &HeaderMap,
    query: &str,
    envelope: Box<Envelope>,
    mut incoming: Incoming,
    uploads: &Path,
    limits: RequestLimits,
) -> Result<Body, Error> {
    limits.check_fields(query.as_bytes())?;
    if let Form::Multipart(boundary) = form(headers) {
        let (bytes, _) = incoming.first().await?;
        let form = multipart::receive(bytes, incoming, boundary, uploads, limits.parts).await?;
        return Ok(whole_form(form, envelope));
    }
    let (bytes, is_complete) = incoming.first().await?;
    let held = incoming.take_held();
    Ok(Body::plain(bytes, (!is_complete).then_some(incoming), envelope, held))
}

/// Checks that arguments are within the limits.
async fn check_kwargs(kwargs: &mut Option<String>, limits: RequestLimits) -> Result<(), Error> {
    let is_large = kwargs.as_ref().is_some_and(|kwargs| kwargs.len() > LARGE);
    let checked = kwargs.take();
    let check = move || limits.check_kwargs(checked.as_deref()).map(|()| checked);
    *kwargs = unless_small(is_large, check).await?;
    Ok(())
}

/// The query of a request, where an envelope may be.
#[derive(Clone, Copy)]
struct Query<'a> {
    text: &'a str,
    sent_code: &'a SentCode,
}

impl Query<'_> {
    fn envelope(self) -> Result<Option<Box<Envelope>>, Error> {
        let envelope = Envelope::from_query_with(self.text, &|text| self.sent_code.read(text));
        Ok(envelope?.map(Box::new))
    }
}

async fn find_envelope(
    headers: &HeaderMap,
    query: Query<'_>,
    mut incoming: Incoming,
    uploads: &Path,
    limits: RequestLimits,
) -> Result<Body, Error> {
    match form(headers) {
        Form::Multipart(boundary) => {
            // On the heap, so that other bodies do not carry its size around.
            Box::pin(read_parts(query, incoming, boundary, uploads, limits.parts)).await
        }
        Form::Other => {
            let (bytes, is_complete) = incoming.first().await?;
            let missing = if bytes.is_empty() { Error::CodeMissing } else { Error::ContentType };
            let envelope = query.envelope()?.ok_or(missing)?;
            let held = incoming.take_held();
            Ok(Body::plain(bytes, (!is_complete).then_some(incoming), envelope, held))
        }
        form => {
            let bytes = incoming.whole(Bytes::new()).await?;
            let is_typed = form == Form::Json;
            let found = find(form, &bytes, limits, query.sent_code).await;
            let envelope = choose(found, query).map_err(|err| match err {
                // As `curl --data` sends it.
                Error::CodeMissing | Error::FieldUnknown(_)
                    if !is_typed && bytes.trim_ascii_start().starts_with(b"{") =>
                {
                    Error::JsonUntyped
                }
                err => err,
            })?;
            Ok(Body::plain(bytes, None, envelope, incoming.take_held()))
        }
    }
}

/// Looks into a body that is one text.
async fn find(
    form: Form,
    bytes: &Bytes,
    limits: RequestLimits,
    sent_code: &SentCode,
) -> Result<Option<Envelope>, Error> {
    let is_large = bytes.len() > LARGE;
    if form == Form::Json && !is_large {
        return Envelope::from_json_with(bytes, &|text| sent_code.read(text));
    }
    let bytes = bytes.clone();
    let look = move || match form {
        Form::Json => Envelope::from_json(&bytes),
        _ => limits.check_fields(&bytes).and_then(|()| Envelope::from_form(&bytes)),
    };
    unless_small(is_large, look).await
}

/// Does on another thread what is large: many megabytes take as many milliseconds, in which this thread
/// would serve nobody else.
pub(super) async fn unless_small<T: Send + 'static>(
    is_large: bool,
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    match is_large {
        false => work(),
        true => web::block(work).await.unwrap_or(Err(Error::BodyIncomplete)),
    }
}

/// The envelope of the body goes before that of the query.
fn choose(
    found: Result<Option<Envelope>, Error>,
    query: Query<'_>,
) -> Result<Box<Envelope>, Error> {
    match found {
        Ok(Some(envelope)) => Ok(Box::new(envelope)),
        Ok(None) => query.envelope()?.ok_or(Error::CodeMissing),
        // A body that is not what it says, or no envelope's form, belongs to the handler if the query
        // brings an envelope.
        Err(
            err @ (Error::BodyNotJson(_)
            | Error::ContentType
            | Error::BodyIncomplete
            | Error::TooManyFields { .. }
            | Error::FieldUnknown(_)),
        ) => query.envelope()?.ok_or(err),
        Err(err) => Err(err),
    }
}

/// Reads a form. The call begins when it is complete: any of its fields may belong to the envelope.
async fn read_parts(
    query: Query<'_>,
    mut incoming: Incoming,
    boundary: String,
    uploads: &Path,
    max_parts: usize,
) -> Result<Body, Error> {
    let (bytes, is_complete) = incoming.first().await?;
    if !is_complete {
        let form = multipart::receive(bytes, incoming, boundary, uploads, max_parts).await?;
        let envelope = choose(from_parts(&form.parts), query)?;
        return Ok(whole_form(form, envelope));
    }
    let held = incoming.take_held();
    match multipart::read(bytes.clone(), boundary, uploads, held, max_parts).await {
        Ok(form) => {
            let envelope = choose(from_parts(&form.parts), query)?;
            Ok(whole_form(form, envelope))
        }
        Err(err) => Ok(Body::plain(bytes, None, choose(Err(err), query)?, incoming.take_held())),
    }
}

/// The parts are the body, and there is no other.
fn whole_form(form: multipart::Form, envelope: Box<Envelope>) -> Body {
    let multipart::Form { parts, spool, held, .. } = form;
    Body { bytes: Bytes::new(), rest: None, parts: Some(parts), spool, envelope, held }
}

fn from_parts(parts: &[Part]) -> Result<Option<Envelope>, Error> {
    Envelope::from_pairs(parts.iter().map(|part| (part.name.as_str().into(), text_of(part))))
}

/// What an envelope may read of a part. Of files, it looks at nothing but the name of their field.
fn text_of(part: &Part) -> Cow<'_, str> {
    match &part.content {
        Content::InMemory(data) if part.filename.is_none() || Envelope::has_field(&part.name) => {
            String::from_utf8_lossy(data)
        }
        _ => Cow::default(),
    }
}

fn form(headers: &HeaderMap) -> Form {
    let text = text(headers, &CONTENT_TYPE);
    // Not as `Mime`: it refuses parameters without a value, which some clients send.
    let mime = text.split(';').next().unwrap_or_default().trim();
    let is = |name: &str| mime.eq_ignore_ascii_case(name);
    match () {
        () if is("application/json") => Form::Json,
        () if is("application/x-www-form-urlencoded") => Form::Urlencoded,
        () if is("multipart/form-data") => match multer::parse_boundary(text) {
            Ok(boundary) => Form::Multipart(boundary),
            Err(_) => Form::Other,
        },
        _ => Form::Other,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use actix_web::http::header::HeaderValue;
    use actix_web::test::TestRequest;
    use rstest::rstest;

    use super::*;
    use crate::memory_budget::MemoryBudget;

    fn with_content_type(value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_str(value).unwrap());
        headers
    }

    #[rstest]
    #[case("application/json", Form::Json)]
    #[case("Application/JSON; charset=utf-8", Form::Json)]
    #[case("application/json; charset", Form::Json)]
    #[case("application/x-www-form-urlencoded", Form::Urlencoded)]
    #[case("multipart/form-data; boundary=x", Form::Multipart("x".to_owned()))]
    #[case("multipart/form-data", Form::Other)]
    #[case("text/plain", Form::Other)]
    #[case("", Form::Other)]
    fn the_content_type_tells_where_to_look(#[case] value: &str, #[case] expected: Form) {
        assert_eq!(form(&with_content_type(value)), expected);
    }

    // cnVu is base64 of "run".
    const QUERY: &str = "code_b64=cnVu";
    const PARTS: &str =
        "--x\r\nContent-Disposition: form-data; name=\"code_b64\"\r\n\r\ncnVu\r\n--x--\r\n";

    #[rstest]
    #[case::json("application/json", "", r#"{"code_b64":"cnVu"}"#, "found")]
    #[case::form("application/x-www-form-urlencoded", "", QUERY, "found")]
    #[case::multipart("multipart/form-data; boundary=x", "", PARTS, "found")]
    #[case::query("text/plain", QUERY, "any body", "found")]
    #[case::query_and_json_of_the_handler(
        "application/json",
        QUERY,
        r#"{"timeout":"soon"}"#,
        "found"
    )]
    #[case::query_and_broken_json("application/json", QUERY, "{", "found")]
    #[case::query_and_broken_parts("multipart/form-data; boundary=x", QUERY, "--x", "found")]
    #[case::nothing("", "", "", "code-missing")]
    #[case::query_and_near_miss("application/json", QUERY, r#"{"code":"mine"}"#, "found")]
    #[case::near_miss("application/json", "", r#"{"code":"cnVu"}"#, "field-unknown")]
    #[case::near_miss_in_query("text/plain", "code=cnVu", "any body", "field-unknown")]
    #[case::near_miss_in_parts(
        "multipart/form-data; boundary=x",
        "",
        "--x\r\nContent-Disposition: form-data; name=\"code\"; filename=\"a.py\"\r\n\r\nrun\r\n--x--\r\n",
        "field-unknown"
    )]
    #[case::json_without_code("application/json", "", "{}", "code-missing")]
    #[case::broken_json("application/json", "", "{", "body-not-json")]
    #[case::broken_parts("multipart/form-data; boundary=x", "", "--x", "body-incomplete")]
    #[case::no_boundary("multipart/form-data", "", PARTS, "content-type")]
    #[case::plain_text("text/plain", "", "def run(): pass", "content-type")]
    #[tokio::test]
    async fn the_envelope_is_in_the_body_or_in_the_query(
        #[case] content_type: &str,
        #[case] query: &str,
        #[case] body: &'static str,
        #[case] expected: &str,
    ) {
        let declared = body.len() as u64;
        let (_, payload) = TestRequest::default().set_payload(body).to_http_parts();
        let patience = Duration::from_secs(30);
        let held = MemoryBudget::new(1 << 20).hold(patience);
        let incoming = Incoming::new(payload, declared, 1 << 20, patience, held).unwrap();
        let (headers, limits) = (with_content_type(content_type), RequestLimits::default());
        let limits = (limits, &SentCode::default());
        let outcome = read(&headers, query, incoming, Path::new(""), limits).await;
        let found = match outcome {
            Ok(body) if body.envelope.code == owt_core::Code::source("run") => "found",
            Ok(_) => "something else",
            Err(err) => err.code(),
        };
        assert_eq!(found, expected);
    }
}
