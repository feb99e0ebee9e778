//! owt's own words for requests that actix-web refuses before any handler sees them.

use std::fmt::Write;
use std::time::SystemTime;

use actix_web::HttpResponse;
use actix_web::body::MessageBody;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue, HttpDate};
use bytes::{Bytes, BytesMut};
use owt_core::Error;
use owt_core::owtify::MAX_URL;

use super::super::Front;
use super::framing::{Fault, MAX_HEAD};

/// What is known of a request that is refused.
#[derive(Default)]
pub(super) struct Refused {
    fault: Option<Fault>,
    /// The bytes that it begins with, if they are why.
    head: Bytes,
    /// The status that actix-web gives it.
    status: u16,
}

impl Refused {
    pub(super) fn new(fault: Option<Fault>, head: Bytes) -> Self {
        Self { fault, head, status: 400 }
    }

    /// Notes the status of actix-web's answer.
    pub(super) fn take_status(&mut self, answer: &[u8]) {
        let digits = answer.get(9..12).and_then(|digits| str::from_utf8(digits).ok());
        self.status = digits.and_then(|digits| digits.parse().ok()).unwrap_or(400);
    }

    fn error<E>(&self, front: &Front<E>) -> Error {
        match (self.status, self.fault) {
            (408, _) => Error::HeadTimeout { limit: front.state.head_timeout },
            (_, Some(Fault::TargetTooLong)) => Error::UrlTooLong { limit: MAX_URL as u64 },
            (431, _) | (_, Some(Fault::HeadTooLong)) => {
                Error::HeadTooLarge { limit: MAX_HEAD as u64 }
            }
            (_, fault) => Error::RequestInvalid(fault.map_or(MALFORMED, words)),
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

fn words(fault: Fault) -> &'static str {
    match fault {
        Fault::NoHost => "it has no Host header",
        Fault::SeveralHosts => "it has several Host headers",
        Fault::Length => "its Content-Length is missing or is no number",
        Fault::SeveralLengths => "it has several Content-Length headers",
        Fault::LengthAndChunks => "it has both Content-Length and Transfer-Encoding",
        Fault::Coding => "its Transfer-Encoding is not chunked, or not of HTTP/1.1",
        Fault::TargetTooLong | Fault::HeadTooLong | Fault::Malformed => MALFORMED,
    }
}

fn value(line: &[u8], name: &HeaderName) -> Option<HeaderValue> {
    let (found, value) = line.split_at_checked(name.as_str().len())?;
    let value = value.strip_prefix(b":")?;
    let is_it = found.eq_ignore_ascii_case(name.as_str().as_bytes());
    is_it.then(|| HeaderValue::from_bytes(value.trim_ascii()).ok()).flatten()
}

/// The whole answer, as it goes over HTTP/1.1.
pub(super) fn answer<E>(front: &Front<E>, refused: &Refused) -> Bytes {
    let headers = refused.headers();
    let response = front.refuse(&refused.error(front), &headers);
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
