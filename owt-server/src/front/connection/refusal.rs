//! owt's own answers to requests that actix-web refuses before any handler sees them.

use std::fmt::Write;
use std::time::SystemTime;

use actix_web::HttpResponse;
use actix_web::body::MessageBody;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue, HttpDate};
use bytes::{Bytes, BytesMut};
use owt_core::Error;

use super::super::{Front, RequestLimits};
use super::framing::HeadError;

/// What is known of a request that is refused.
#[derive(Default)]
pub(super) struct Refused {
    error: Option<HeadError>,
    /// The bytes that it begins with, if they are why.
    head: Bytes,
    /// The status that actix-web gives it.
    status: u16,
}

impl Refused {
    pub(super) fn new(error: Option<HeadError>, head: Bytes) -> Self {
        Self { error, head, status: 400 }
    }

    /// Notes the status of actix-web's answer.
    pub(super) fn take_status(&mut self, answer: &[u8]) {
        let digits = answer.get(9..12).and_then(|digits| str::from_utf8(digits).ok());
        self.status = digits.and_then(|digits| digits.parse().ok()).unwrap_or(400);
    }

    fn to_error<E>(&self, front: &Front<E>) -> Error {
        let RequestLimits { head, headers, url, .. } = front.state.limits;
        match (self.status, self.error) {
            (408, _) => Error::HeadTimeout { limit: front.state.head_timeout },
            (_, Some(HeadError::TargetTooLong)) => Error::UrlTooLong { limit: url as u64 },
            (_, Some(HeadError::TooManyHeaders)) => Error::TooManyHeaders { limit: headers },
            (431, _) | (_, Some(HeadError::HeadTooLong)) => {
                Error::HeadTooLarge { limit: head as u64 }
            }
            (_, error) => Error::RequestInvalid(error.map_or(MALFORMED, description)),
        }
    }

    /// The headers by which the form of an answer is chosen.
    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in self.head.split(|byte| *byte == b'\n').take_while(|line| line.len() > 1) {
            for name in [header::ACCEPT, header::HOST, header::ORIGIN] {
                if let Some(value) = value(line, &name) {
                    headers.insert(name, value);
                }
            }
        }
        headers
    }
}

const MALFORMED: &str = "its head is malformed";

fn description(error: HeadError) -> &'static str {
    match error {
        HeadError::NoHost => "it has no Host header",
        HeadError::SeveralHosts => "it has several Host headers",
        HeadError::Length => "its Content-Length is missing or is no number",
        HeadError::SeveralLengths => "it has several Content-Length headers",
        HeadError::LengthAndChunks => "it has both Content-Length and Transfer-Encoding",
        HeadError::Coding => "its Transfer-Encoding is not chunked, or not of HTTP/1.1",
        HeadError::TargetTooLong
        | HeadError::HeadTooLong
        | HeadError::TooManyHeaders
        | HeadError::Malformed => MALFORMED,
    }
}

fn value(line: &[u8], name: &HeaderName) -> Option<HeaderValue> {
    let (found, value) = line.split_at_checked(name.as_str().len())?;
    let value = value.strip_prefix(b":")?;
    let is_it = found.eq_ignore_ascii_case(name.as_str().as_bytes());
    is_it.then(|| HeaderValue::from_bytes(value.trim_ascii()).ok()).flatten()
}

/// The whole answer to a connection that is turned away before it has sent anything.
pub(super) fn unread<E>(front: &Front<E>, error: &Error) -> Bytes {
    written(front.refuse(error, &HeaderMap::new()), false)
}

/// The whole answer, as it goes over HTTP/1.1.
pub(super) fn answer<E>(front: &Front<E>, refused: &Refused) -> Bytes {
    let headers = refused.headers();
    let response = front.refuse(&refused.to_error(front), &headers);
    written(response, refused.head.starts_with(b"HEAD "))
}

fn written(response: HttpResponse, is_head: bool) -> Bytes {
    let (head, body) = response.into_parts();
    let body = body.try_into_bytes().unwrap_or_default();
    let mut text = format!("HTTP/1.1 {}\r\n", head.status());
    let date = HttpDate::from(SystemTime::now());
    let _ = write!(text, "content-length: {}\r\nconnection: close\r\ndate: {date}\r\n", body.len());
    let mut bytes = BytesMut::from(text.as_str());
    for (name, value) in head.headers() {
        bytes.extend_from_slice(
            &[name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat(),
        );
    }
    bytes.extend_from_slice(b"\r\n");
    if !is_head {
        bytes.extend_from_slice(&body);
    }
    bytes.freeze()
}
