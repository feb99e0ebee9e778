//! Replies and errors as HTTP.

use std::borrow::Cow;
use std::str::FromStr;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::header::{
    self, ACCEPT, EntityTag, HeaderMap, HeaderName, HeaderValue, Quality, QualityItem,
};
use actix_web::http::{ConnectionType, StatusCode};
use bytes::Bytes;
use futures_core::Stream;
use mime::Mime;
use owt_core::{Digest, Error, Failure, Reply, ReplyBody, Timing};
use serde_json::json;

use super::digest_header;

pub(super) const OWT_ERROR: HeaderName = HeaderName::from_static("owt-error");
pub(super) const OWT_REQUEST_ID: HeaderName = HeaderName::from_static("owt-request-id");
const OWT_CODE_SHA256: HeaderName = HeaderName::from_static("owt-code-sha256");
const OWT_CACHE: HeaderName = HeaderName::from_static("owt-cache");
const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// How long a client does well to wait before it tries again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

fn status(err: &Error) -> StatusCode {
    StatusCode::from_u16(err.status()).expect("statuses of errors are those of HTTP")
}

/// Whether an error is the fault of the adaptor or the server, and not of how it was called.
pub(super) fn is_fault(err: &Error) -> bool {
    status(err).is_server_error()
}

/// An adaptor's reply.
pub(super) fn reply<S>(reply: Reply<S>) -> Result<HttpResponse, Error>
where
    S: Stream<Item = Result<Bytes, Error>> + 'static,
{
    let Reply { head, body } = reply;
    let status = StatusCode::from_u16(head.status)
        .map_err(|_| Error::ReplyInvalid(format!("{} is no HTTP status", head.status)))?;
    let mut response = HttpResponse::build(status);
    for (name, value) in &head.headers {
        let name = HeaderName::from_bytes(name.as_bytes());
        let value = HeaderValue::from_bytes(&latin1(value));
        let (Ok(name), Ok(value)) = (name, value) else {
            return Err(Error::ReplyInvalid(
                "The adaptor's reply has a header that cannot be sent".to_owned(),
            ));
        };
        response.append_header((name, value));
    }
    let timing = timing(&head.timing, head.member.as_deref());
    response.insert_header((SERVER_TIMING, timing));
    Ok(match body {
        ReplyBody::Whole(bytes) => response.body(bytes),
        ReplyBody::Stream(stream) => {
            if let Some(length) = head.length {
                response.no_chunking(length);
            }
            response.streaming(stream)
        }
    })
}

/// Whether a client has the representation with this entity tag (RFC 9110, `If-None-Match`).
pub(super) fn has_tag(request: &HeaderMap, etag: Option<&str>) -> bool {
    let Some(etag) = etag.and_then(|etag| etag.parse::<EntityTag>().ok()) else { return false };
    let is_any = request.get_all(header::IF_NONE_MATCH).any(|value| value == "*");
    is_any || list(request, &header::IF_NONE_MATCH).any(|tag: EntityTag| tag.weak_eq(&etag))
}

/// The items of a header that is a list, without those that cannot be parsed.
pub(super) fn list<T: FromStr>(headers: &HeaderMap, name: &HeaderName) -> impl Iterator<Item = T> {
    let values = headers.get_all(name);
    values.flat_map(|value| header::from_comma_delimited([value].into_iter()).unwrap_or_default())
}

/// The answer to a client that has the result already.
pub(super) fn not_modified() -> HttpResponse {
    HttpResponse::NotModified().finish()
}

/// Adds to an answer what is to be known of its way through the result cache.
pub(super) fn cached(
    mut response: HttpResponse,
    etag: Option<String>,
    is_hit: bool,
) -> HttpResponse {
    let headers = response.headers_mut();
    headers.insert(OWT_CACHE, HeaderValue::from_static(if is_hit { "hit" } else { "miss" }));
    if let Some(etag) = etag {
        headers.insert(header::ETAG, ascii(&etag));
    }
    response
}

/// Python's `str` of a header is Latin-1, as in PEP 3333.
fn latin1(text: &str) -> Cow<'_, [u8]> {
    match text.is_ascii() {
        true => text.as_bytes().into(),
        false => text.chars().map(|char| u8::try_from(char).unwrap_or(b'?')).collect(),
    }
}

fn timing(timing: &Timing, member: Option<&str>) -> String {
    let Timing { queue, load, run } = timing;
    let mut text = String::with_capacity(64);
    for (name, time) in [("queue;dur=", queue), (", load;dur=", load), (", run;dur=", run)] {
        text.push_str(name);
        push_millis(&mut text, *time);
    }
    if let Some(member) = member {
        // It is a host and a port.
        text.push_str(", member;desc=\"");
        text.push_str(member);
        text.push('"');
    }
    text
}

/// Appends milliseconds to three places, without what `fmt` costs on each request.
fn push_millis(text: &mut String, time: Duration) {
    let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    let (millis, mut rest) = (micros / 1000, micros % 1000);
    text.push_str(itoa::Buffer::new().format(millis));
    text.push('.');
    for unit in [100, 10, 1] {
        text.push(char::from(b'0' + (rest / unit) as u8));
        rest %= unit;
    }
}

/// A call that came to nothing, or a request that became no call.
pub(super) fn failure(failure: &Failure, is_call: bool, request: &HeaderMap) -> HttpResponse {
    let mut response = error(&failure.error, request);
    if is_call {
        let timing =
            HeaderValue::from_str(&timing(&failure.timing, None)).expect("numbers are ASCII");
        response.headers_mut().insert(SERVER_TIMING, timing);
    }
    response
}

/// An error that owt answers itself: words for a person, or problem details (RFC 9457) for a program.
fn error(err: &Error, request: &HeaderMap) -> HttpResponse {
    let status = status(err);
    let mut response = HttpResponse::build(status);
    response.insert_header((OWT_ERROR, HeaderValue::from_static(err.code())));
    match err {
        Error::BuffersFull
        | Error::QueueFull
        | Error::TooManyConnections { .. }
        | Error::TooManyStreams { .. }
        | Error::Draining
        | Error::JobsFull { .. }
        | Error::WorkerUnavailable(_)
        | Error::NoMember(_) => {
            response.insert_header((header::RETRY_AFTER, RETRY_AFTER.as_secs().to_string()));
            // Of a body that found no room, the rest is not read.
            if matches!(err, Error::BuffersFull | Error::Draining) {
                response.force_close();
            }
        }
        // The rest of the body is not read, so the connection cannot be used again.
        Error::BodyTooLarge { .. } | Error::TextTooLarge { .. } | Error::BodyTimeout { .. } => {
            response.force_close();
        }
        _ => {}
    }
    if !accepts_json(request) {
        let text = format!("{}\n", err.sentence());
        return response.content_type("text/plain; charset=utf-8").body(text);
    }
    let problem = json!({
        "type": format!("urn:owt:error:{}", err.code()),
        "title": capitalised(&err.to_string()),
        "status": status.as_u16(),
        "detail": err.sentence(),
        "code": err.code(),
    });
    response.content_type("application/problem+json").body(problem.to_string())
}

/// Whether the client names JSON among what it accepts; `*/*` names nothing.
fn accepts_json(headers: &HeaderMap) -> bool {
    list(headers, &ACCEPT).any(|range: QualityItem<Mime>| {
        let is_json =
            matches!(range.item.essence_str(), "application/json" | "application/problem+json");
        is_json && range.quality > Quality::ZERO
    })
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// Makes an answer one that HTTP/1.0 can read: it has no chunks, and a body ends with its connection.
pub(super) fn without_chunks(response: &mut HttpResponse) {
    let head = response.head_mut();
    head.no_chunking(true);
    head.set_connection_type(ConnectionType::Close);
}

/// Says by what a caller may be recognised.
pub(super) fn ask(response: &mut HttpResponse, challenges: impl Iterator<Item = HeaderValue>) {
    challenges.for_each(|value| response.headers_mut().append(header::WWW_AUTHENTICATE, value));
}

/// Says which methods there are (RFC 9110, section 15.5.6).
pub(super) fn allow(response: &mut HttpResponse, methods: &str) {
    if let Ok(methods) = HeaderValue::from_str(methods) {
        response.headers_mut().insert(header::ALLOW, methods);
    }
}

/// What every answer carries: its name, what ran, and who may read it.
pub(super) fn finish(
    response: &mut HttpResponse,
    id: &str,
    digest: Option<Digest>,
    origin: Option<&HeaderValue>,
) {
    let headers = response.headers_mut();
    headers.insert(OWT_REQUEST_ID, ascii(id));
    if let Some(digest) = digest {
        headers.insert(OWT_CODE_SHA256, digest_header::value(digest));
    }
    if !headers.contains_key(header::X_CONTENT_TYPE_OPTIONS) {
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    }
    vary_by_origin(headers);
    if let Some(origin) = origin {
        share_with(headers, origin);
    }
}

/// Says that the answer depends on the page that asks for it: what is kept of it is not for another one.
fn vary_by_origin(headers: &mut HeaderMap) {
    let mut values = headers.get_all(header::VARY);
    let is_said = values.any(|value| {
        let mut names = value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        names.any(|name| name == b"*" || name.eq_ignore_ascii_case(b"origin"))
    });
    if !is_said {
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
    }
}

/// Lets a page of `origin` read the answer (CORS).
fn share_with(headers: &mut HeaderMap, origin: &HeaderValue) {
    const READABLE: &str = "Owt-Error, Owt-Warning, Owt-Request-Id, Owt-Code-SHA256, Owt-Cache, \
        Owt-Job, Owt-Job-State, Location, Server-Timing";
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(READABLE));
}

/// The answer to a preflight: what a page of an allowed origin may send.
pub(super) fn preflight(request: &HeaderMap) -> HttpResponse {
    const REQUEST_PRIVATE_NETWORK: &str = "access-control-request-private-network";
    let mut response = HttpResponse::NoContent();
    response.insert_header((header::ACCESS_CONTROL_MAX_AGE, "7200"));
    if let Some(method) = request.get(header::ACCESS_CONTROL_REQUEST_METHOD) {
        response.insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, method.clone()));
    }
    if let Some(headers) = request.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        response.insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, headers.clone()));
    }
    if request.contains_key(REQUEST_PRIVATE_NETWORK) {
        response.insert_header(("access-control-allow-private-network", "true"));
    }
    response.finish()
}

pub(super) fn ascii(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("digests, tags and request ids are plain ASCII")
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("application/json", true)]
    #[case("text/html, application/problem+json;q=0.5", true)]
    #[case("Application/JSON", true)]
    #[case("application/json;q=0", false)]
    #[case("application/json; Q=0.000", false)]
    #[case("text/html, application/json; charset=utf-8; q=0.1", true)]
    #[case("nonsense, application/json", true)]
    #[case("*/*", false)]
    #[case("application/jsonx", false)]
    #[case("", false)]
    fn json_is_for_clients_that_name_it(#[case] accept: &str, #[case] expected: bool) {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_str(accept).unwrap());
        assert_eq!(accepts_json(&headers), expected);
    }

    #[rstest]
    #[case::same(&[r#""a""#], true)]
    #[case::weak(&[r#"W/"a""#], true)]
    #[case::any(&["*"], true)]
    #[case::one_of_a_list(&[r#""b", "a""#], true)]
    #[case::one_of_several_headers(&[r#""b""#, r#""a""#], true)]
    #[case::other(&[r#""b""#], false)]
    #[case::unquoted(&["a"], false)]
    #[case::none(&[], false)]
    fn a_tag_is_compared_with_all_that_the_client_has(
        #[case] values: &[&'static str],
        #[case] expected: bool,
    ) {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::IF_NONE_MATCH, HeaderValue::from_static(value));
        }
        assert_eq!(has_tag(&headers, Some(r#""a""#)), expected);
        assert!(!has_tag(&headers, None));
    }

    #[actix_web::test]
    async fn an_error_is_words_or_problem_details() {
        let body = |response: HttpResponse| async {
            let bytes = actix_web::body::to_bytes(response.into_body()).await.unwrap();
            String::from_utf8(bytes.to_vec()).unwrap()
        };
        let mut headers = HeaderMap::new();
        let words = error(&Error::QueueFull, &headers);
        assert_eq!(words.status(), 503);
        assert_eq!(words.headers().get("retry-after").unwrap(), "1");
        assert_eq!(words.headers().get("owt-error").unwrap(), "queue-full");
        assert_eq!(body(words).await, format!("{}\n", Error::QueueFull.sentence()));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let problem = error(&Error::QueueFull, &headers);
        assert_eq!(problem.headers().get("content-type").unwrap(), "application/problem+json");
        let problem: serde_json::Value = serde_json::from_str(&body(problem).await).unwrap();
        let expected = json!({
            "type": "urn:owt:error:queue-full",
            "title": "Queue is full",
            "status": 503,
            "detail": Error::QueueFull.sentence(),
            "code": "queue-full",
        });
        assert_eq!(problem, expected);
    }

    #[test]
    fn times_are_in_milliseconds() {
        let time = Timing {
            queue: Duration::from_micros(1500),
            load: Duration::ZERO,
            run: Duration::from_secs(2),
        };
        let expected = "queue;dur=1.500, load;dur=0.000, run;dur=2000.000";
        assert_eq!(timing(&time, None), expected);
        assert_eq!(timing(&time, Some("[::1]:9")), format!("{expected}, member;desc=\"[::1]:9\""));
    }
}
