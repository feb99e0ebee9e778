//! `GET /_owt/client.js`: the JavaScript client as one module, so that a page needs no bundler.

use std::sync::LazyLock;

use actix_web::HttpResponse;
use actix_web::http::header::{self, HeaderMap};
use actix_web::http::{Method, StatusCode};
use bytes::Bytes;
use owt_core::{Digest, Error};

use super::response;

pub(super) const PATH: &str = "/_owt/client.js";

/// What `cargo xtask wasm` has built.
const MODULE: &str = include_str!("client.js");

static ETAG: LazyLock<String> = LazyLock::new(|| format!("\"{:.16}\"", Digest::of(MODULE)));

/// The module, or that it has not changed.
///
/// A browser asks each time, so that it never runs the client of another version than the server's.
/// A page of another origin has to be one that may read the answer, which is told it by CORS; in a
/// place that asks for no CORS, such as a classic script, only pages of this origin may use it.
pub(super) fn answer(method: &Method, headers: &HeaderMap) -> Result<HttpResponse, Error> {
    if !matches!(*method, Method::GET | Method::HEAD) {
        return Err(Error::PathUnknown);
    }
    let is_known = response::has_tag(headers, Some(&ETAG));
    let mut response = HttpResponse::build(match is_known {
        true => StatusCode::NOT_MODIFIED,
        false => StatusCode::OK,
    });
    response.insert_header((header::ETAG, ETAG.as_str()));
    response.insert_header((header::CACHE_CONTROL, "no-cache"));
    response.insert_header(("cross-origin-resource-policy", "same-origin"));
    Ok(match is_known {
        true => response.finish(),
        false => response
            .content_type("text/javascript; charset=utf-8")
            .body(Bytes::from_static(MODULE.as_bytes())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[actix_web::test]
    async fn the_module_is_sent_once() {
        let first = answer(&Method::GET, &HeaderMap::new()).unwrap();
        let tag = first.headers().get(header::ETAG).unwrap().clone();
        assert_eq!(first.status(), StatusCode::OK);
        let body = actix_web::body::to_bytes(first.into_body()).await.unwrap();
        assert_eq!(body, MODULE);

        let mut headers = HeaderMap::new();
        headers.insert(header::IF_NONE_MATCH, tag);
        let second = answer(&Method::GET, &headers).unwrap();
        assert_eq!(second.status(), StatusCode::NOT_MODIFIED);
        assert!(actix_web::body::to_bytes(second.into_body()).await.unwrap().is_empty());
    }

    #[test]
    fn nothing_can_be_sent_to_it() {
        let err = answer(&Method::POST, &HeaderMap::new()).unwrap_err();
        assert_eq!(err.code(), "path-unknown");
    }
}
