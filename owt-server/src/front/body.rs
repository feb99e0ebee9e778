//! Reads a request's body, and finds the envelope in the request.

use actix_web::http::header::{CONTENT_TYPE, HeaderMap};
use actix_web::web;
use bytes::{Bytes, BytesMut};
use futures_util::{FutureExt, StreamExt, stream};
use owt_core::{Envelope, Error, Part};

/// Bytes from which on a body is taken apart on a thread of its own.
const LARGE: usize = 256 * 1024;

/// A body, and what was found in it.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) bytes: Bytes,
    pub(super) parts: Option<Vec<Part>>,
    pub(super) envelope: Envelope,
}

/// Reads a whole body.
///
/// # Errors
/// [`Error::BodyTooLarge`] as soon as it is known to be; [`Error::BodyIncomplete`] when it breaks off.
pub(super) async fn read(
    payload: &mut web::Payload,
    declared: u64,
    limit: u64,
) -> Result<Bytes, Error> {
    if declared > limit {
        return Err(Error::BodyTooLarge { limit });
    }
    let Some(first) = payload.next().await.transpose().map_err(|_| Error::BodyIncomplete)? else {
        return Ok(Bytes::new());
    };
    if first.len() as u64 == declared {
        return Ok(first); // Small bodies come in one piece, and are not copied.
    }
    let mut whole = BytesMut::from(first);
    while let Some(chunk) = payload.next().await {
        whole.extend_from_slice(&chunk.map_err(|_| Error::BodyIncomplete)?);
        if whole.len() as u64 > limit {
            return Err(Error::BodyTooLarge { limit });
        }
    }
    match whole.len() as u64 > limit {
        true => Err(Error::BodyTooLarge { limit }),
        false => Ok(whole.freeze()),
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

/// Finds the envelope: in the body if there is one in it, else in the query.
pub(super) async fn unwrap(headers: &HeaderMap, query: &str, bytes: Bytes) -> Result<Body, Error> {
    let form = form(headers);
    if bytes.len() <= LARGE {
        return take_apart(form, query, bytes).await;
    }
    // Many megabytes take as many milliseconds, in which this thread serves nobody else.
    let query = query.to_owned();
    let taken_apart = web::block(move || take_apart(form, &query, bytes).now_or_never()).await;
    taken_apart.ok().flatten().unwrap_or(Err(Error::BodyIncomplete))
}

/// Does what `unwrap` says. Waits for nothing: the body is all there.
async fn take_apart(form: Form, query: &str, bytes: Bytes) -> Result<Body, Error> {
    let in_query = || Envelope::from_query(query);
    let (parts, found) = match form {
        Form::Json => (None, Envelope::from_json(&bytes)),
        Form::Urlencoded => (None, Envelope::from_form(&bytes)),
        Form::Multipart(boundary) => match multipart(bytes.clone(), boundary).await {
            Ok(parts) => {
                let found = from_parts(&parts);
                (Some(parts), found)
            }
            Err(err) => (None, Err(err)),
        },
        Form::Other if bytes.is_empty() => (None, Ok(None)),
        Form::Other => {
            let envelope = in_query()?.ok_or(Error::ContentType)?;
            return Ok(Body { bytes, parts: None, envelope });
        }
    };
    let envelope = match found {
        Ok(Some(envelope)) => envelope,
        Ok(None) => in_query()?.ok_or(Error::CodeMissing)?,
        // A body that is not what it says belongs to the handler, if the query brings an envelope.
        Err(err @ (Error::BodyNotJson(_) | Error::ContentType)) => in_query()?.ok_or(err)?,
        Err(err) => return Err(err),
    };
    // The parts are the body, and share its memory.
    let bytes = if parts.is_some() { Bytes::new() } else { bytes };
    Ok(Body { bytes, parts, envelope })
}

fn form(headers: &HeaderMap) -> Form {
    let text = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mime = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match mime.as_str() {
        "application/json" => Form::Json,
        "application/x-www-form-urlencoded" => Form::Urlencoded,
        "multipart/form-data" => match multer::parse_boundary(text) {
            Ok(boundary) => Form::Multipart(boundary),
            Err(_) => Form::Other,
        },
        _ => Form::Other,
    }
}

async fn multipart(bytes: Bytes, boundary: String) -> Result<Vec<Part>, Error> {
    let whole = stream::once(async move { Ok::<_, std::convert::Infallible>(bytes) });
    let mut fields = multer::Multipart::new(whole, boundary);
    let mut parts = Vec::new();
    while let Some(field) = fields.next_field().await.map_err(|_| Error::ContentType)? {
        parts.push(Part {
            name: field.name().unwrap_or_default().to_owned(),
            filename: field.file_name().map(str::to_owned),
            content_type: field.content_type().map(ToString::to_string),
            data: field.bytes().await.map_err(|_| Error::ContentType)?,
        });
    }
    Ok(parts)
}

/// Fields that are text; a file is one only under the name of a field of ours (`curl -F code_b64=@file`).
fn from_parts(parts: &[Part]) -> Result<Option<Envelope>, Error> {
    let fields = parts.iter().filter(|part| Envelope::has_field(&part.name));
    let pairs = fields.map(|part| (part.name.as_str().into(), String::from_utf8_lossy(&part.data)));
    Envelope::from_pairs(pairs)
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;
    use rstest::rstest;

    use super::*;

    fn with_content_type(value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_str(value).unwrap());
        headers
    }

    #[rstest]
    #[case("application/json", Form::Json)]
    #[case("Application/JSON; charset=utf-8", Form::Json)]
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
    #[case::json_without_code("application/json", "", "{}", "code-missing")]
    #[case::broken_json("application/json", "", "{", "body-not-json")]
    #[case::broken_parts("multipart/form-data; boundary=x", "", "--x", "content-type")]
    #[case::no_boundary("multipart/form-data", "", PARTS, "content-type")]
    #[case::plain_text("text/plain", "", "def run(): pass", "content-type")]
    #[tokio::test]
    async fn the_envelope_is_in_the_body_or_in_the_query(
        #[case] content_type: &str,
        #[case] query: &str,
        #[case] body: &'static str,
        #[case] expected: &str,
    ) {
        let body = Bytes::from_static(body.as_bytes());
        let outcome = unwrap(&with_content_type(content_type), query, body).await;
        let found = match outcome {
            Ok(body) if body.envelope.code == owt_core::Code::source("run") => "found",
            Ok(_) => "something else",
            Err(err) => err.code(),
        };
        assert_eq!(found, expected);
    }
}
