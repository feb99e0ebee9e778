//! The page that a browser gets which opens the server itself: it writes adaptors, and runs them.
//!
//! It is of this origin, so whatever runs in it may call. Its policy lets nothing run but its own script,
//! and has it ask no other host. HTML of adaptors is shown in a frame whose origin is nobody's.

use std::io::Write as _;
use std::sync::LazyLock;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, ContentEncoding, Encoding, HeaderMap, Quality, QualityItem};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use owt_core::Digest;
use sha2::{Digest as _, Sha256};

use super::guard::{Access, Guard};
use super::{response, static_files};

/// The paths at which it is, beside `/`.
pub(super) const PATH: &str = "/_owt/";
pub(super) const FRAME_PATH: &str = "/_owt/page/frame";

/// What `cargo xtask page` has built: everything in one file.
const PAGE: &str = include_str!("page/page.html");

/// The document into which the page writes HTML of adaptors.
const FRAME: &str = include_str!("page/frame.html");

/// What a browser may do with the page.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text));
    format!(
        "default-src 'none'; script-src 'sha256-{}' 'wasm-unsafe-eval'; style-src 'sha256-{}'; \
         img-src blob: data:; media-src blob:; connect-src 'self'; frame-src 'self'; form-action 'none'; \
         base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
        hash(between(PAGE, "<script type=\"module\">", "</script>")),
        hash(between(PAGE, "<style>", "</style>")),
    )
});

/// What a browser may do with HTML of adaptors: run it, as a page of nobody, which loads nothing and calls nobody.
const FRAME_POLICY: &str = "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval' blob: data:; \
     style-src 'unsafe-inline'; img-src blob: data:; media-src blob: data:; font-src data:; form-action 'none'; \
     base-uri 'none'; frame-ancestors 'self'";

/// The page for those who take it compressed; the rest get it as it is.
static COMPRESSED: LazyLock<Bytes> = LazyLock::new(|| {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(PAGE.as_bytes()).expect("memory can be written to");
    encoder.finish().expect("memory can be written to").into()
});

static ETAG: LazyLock<String> = LazyLock::new(|| format!("{:.16}", Digest::of(PAGE)));

/// Whether a browser shows the answer to this request as a page, and the request brings no code.
pub(super) fn is_asked_for(access: &Access, request: &HttpRequest, headers: &HeaderMap) -> bool {
    matches!(request.path(), "/" | PATH)
        && access.to_read().is_ok()
        && Guard::opens_document(request.method(), headers)
        && static_files::asks_for_file(request)
}

/// The page, or that it has not changed. A browser asks each time, so that it never shows another version's.
pub(super) fn answer(headers: &HeaderMap) -> HttpResponse {
    let is_compressed = takes_gzip(headers);
    let etag = format!("\"{}{}\"", *ETAG, if is_compressed { "-gzip" } else { "" });
    let is_known = response::has_tag(headers, Some(&etag));
    let mut response = begin(is_known, &POLICY);
    response.insert_header((header::ETAG, etag));
    response.insert_header((header::CACHE_CONTROL, "private, no-cache"));
    response.insert_header((
        header::VARY,
        "Accept, Accept-Encoding, Origin, Sec-Fetch-Dest, Sec-Fetch-Mode",
    ));
    response.insert_header((header::X_FRAME_OPTIONS, "DENY"));
    response.insert_header(("cross-origin-opener-policy", "same-origin"));
    // Its own path shows a server over plain HTTP that a call comes from it.
    response.insert_header((header::REFERRER_POLICY, "same-origin"));
    match (is_known, is_compressed) {
        (true, _) => response.finish(),
        (false, true) => {
            response.insert_header(ContentEncoding::Gzip);
            response.body(COMPRESSED.clone())
        }
        (false, false) => response.body(Bytes::from_static(PAGE.as_bytes())),
    }
}

/// The empty document of a frame.
pub(super) fn frame() -> HttpResponse {
    let mut response = begin(false, FRAME_POLICY);
    response.insert_header((header::CACHE_CONTROL, "private, no-cache"));
    response.insert_header((header::REFERRER_POLICY, "no-referrer"));
    response.body(Bytes::from_static(FRAME.as_bytes()))
}

fn begin(is_known: bool, policy: &str) -> HttpResponseBuilder {
    let mut response = HttpResponse::build(match is_known {
        true => StatusCode::NOT_MODIFIED,
        false => StatusCode::OK,
    });
    if !is_known {
        response.content_type("text/html; charset=utf-8");
    }
    response.insert_header((header::CONTENT_SECURITY_POLICY, policy));
    response.insert_header(("cross-origin-resource-policy", "same-origin"));
    response
}

fn takes_gzip(headers: &HeaderMap) -> bool {
    response::list(headers, &header::ACCEPT_ENCODING).any(|range: QualityItem<Encoding>| {
        range.item == Encoding::Known(ContentEncoding::Gzip) && range.quality > Quality::ZERO
    })
}

/// The first text between two others.
fn between<'a>(text: &'a str, begin: &str, end: &str) -> &'a str {
    let inner = text.split_once(begin).and_then(|(_, rest)| rest.split_once(end));
    inner.map(|(inner, _)| inner).expect("the page is built with it")
}
