//! Files of a folder that are served beside calls: a web page, and the adaptor that it runs.
//!
//! Names that begin with a dot are not served.

use std::io;
use std::path::Path;

use actix_files::NamedFile;
use actix_web::http::header::{self, HeaderValue, TRANSFER_ENCODING};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, web};
use owt_core::{Envelope, Error};
use percent_encoding::percent_decode_str;

use super::static_folder::StaticFolder;

/// What is served for a folder.
const INDEX: &str = "index.html";

/// A folder whose files are served.
#[derive(Debug)]
pub(crate) struct StaticFiles {
    folder: StaticFolder,
}

/// What is at a path.
enum Found {
    File(Box<NamedFile>),
    /// A folder with an index, named without the slash that relative links in the index need.
    Folder,
}

impl StaticFiles {
    pub(crate) fn open(folder: &Path) -> io::Result<StaticFiles> {
        StaticFolder::open(folder).map(|folder| StaticFiles { folder })
    }

    /// The file that a request asks for, unless it brings code, or there is none.
    pub(super) async fn answer(&self, request: &HttpRequest) -> Option<HttpResponse> {
        if !asks_for_file(request) {
            return None;
        }
        let path = relative(request.path())?;
        let folder = self.folder.try_clone().ok()?;
        let found = web::block(move || StaticFiles { folder }.find(&path)).await.ok()?;
        match found.ok()? {
            Found::File(file) => Some(respond(*file, request)),
            Found::Folder => Some(redirect(request)),
        }
    }

    fn find(&self, path: &str) -> io::Result<Found> {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        if name.is_empty() {
            return self.file(&format!("{folder}/{INDEX}"));
        }
        match self.file(path) {
            Err(err) if err.kind() == io::ErrorKind::IsADirectory => {
                self.file(&format!("{path}/{INDEX}")).map(|_| Found::Folder)
            }
            found => found,
        }
    }

    fn file(&self, path: &str) -> io::Result<Found> {
        let path = path.trim_start_matches('/');
        let file = self.folder.file(path)?;
        let kind = file.metadata()?.file_type();
        if kind.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        if !kind.is_file() {
            return Err(io::ErrorKind::Unsupported.into());
        }
        NamedFile::from_file(file, path).map(|file| Found::File(Box::new(file)))
    }
}

/// The answer to a browser that looks for an icon where no file is one.
pub(super) fn no_icon(request: &HttpRequest) -> Option<HttpResponse> {
    let is_icon = request.path() == "/favicon.ico" && asks_for_file(request);
    is_icon.then(|| HttpResponse::NoContent().finish())
}

/// Whether a request may be meant for a file: it brings neither code nor a body.
pub(super) fn asks_for_file(request: &HttpRequest) -> bool {
    let headers = request.headers();
    let length = headers.get(header::CONTENT_LENGTH).map(HeaderValue::as_bytes);
    matches!(*request.method(), Method::GET | Method::HEAD)
        && matches!(length, None | Some(b"0"))
        && !headers.contains_key(TRANSFER_ENCODING)
        && matches!(
            Envelope::from_query(request.query_string()),
            // A page may have a parameter `code` of its own.
            Ok(None) | Err(Error::FieldUnknown(_))
        )
}

/// A URL's path as one of files; `None` if no file that is served can have it.
fn relative(path: &str) -> Option<String> {
    let path = path.strip_prefix('/')?;
    let segments: Option<Vec<_>> = path.split('/').map(segment).collect();
    let segments = segments?;
    // Only the last one may be empty.
    let (_, folders) = segments.split_last()?;
    folders.iter().all(|folder| !folder.is_empty()).then(|| segments.join("/"))
}

fn segment(text: &str) -> Option<String> {
    let name = percent_decode_str(text).decode_utf8().ok()?;
    let is_served = !name.starts_with('.') && !name.contains(['/', '\\', '\0']);
    is_served.then(|| name.into_owned())
}

/// The file, or what the conditions and ranges of the request make of it.
fn respond(file: NamedFile, request: &HttpRequest) -> HttpResponse {
    let content_type = content_type(&file);
    let mut response = file.disable_content_disposition().into_response(request);
    let is_not_modified = response.status() == StatusCode::NOT_MODIFIED;
    let headers = response.headers_mut();
    // A browser asks each time, so that it never shows what was edited since.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    match content_type.filter(|_| !is_not_modified) {
        Some(value) => drop(headers.insert(header::CONTENT_TYPE, value)),
        None => drop(headers.remove(header::CONTENT_TYPE)),
    }
    response
}

/// The media type of a file by its name. Text is UTF-8, scripts among it.
fn content_type(file: &NamedFile) -> Option<HeaderValue> {
    let mime = file.content_type();
    let charset = if mime.type_() == "text" { "; charset=utf-8" } else { "" };
    HeaderValue::from_str(&format!("{mime}{charset}")).ok()
}

fn redirect(request: &HttpRequest) -> HttpResponse {
    let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
    let location = format!("{}/{query}", request.uri().path());
    HttpResponse::PermanentRedirect()
        .insert_header((header::LOCATION, location))
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .finish()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("/", Some(""))]
    #[case("/index.html", Some("index.html"))]
    #[case("/a/b%20c/", Some("a/b c/"))]
    #[case("/%C3%A9", Some("é"))]
    #[case("//evil.example", None)]
    #[case("/a//b", None)]
    #[case("/../a", None)]
    #[case("/%2e%2e/a", None)]
    #[case("/a%2Fb", None)]
    #[case("/a%5Cb", None)]
    #[case("/a%00", None)]
    #[case("/.git/config", None)]
    #[case("/a/.env", None)]
    #[case("/%FF", None)]
    #[case("*", None)]
    fn a_path_names_what_may_be_served(#[case] path: &str, #[case] expected: Option<&str>) {
        assert_eq!(relative(path).as_deref(), expected);
    }

    proptest! {
        #[test]
        fn no_path_leads_out_of_the_folder(path in "/[./%2eEfF5cC0a\\\\]{0,24}") {
            if let Some(found) = relative(&path) {
                prop_assert!(!found.starts_with('/') && !found.split('/').any(|name| name == ".."));
            }
        }
    }
}
