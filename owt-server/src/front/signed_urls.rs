//! Signed URLs: whether a request is signed for the call that it makes, with the keys of the moment.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use actix_web::dev::RequestHead;
use actix_web::http::Method;
use actix_web::http::header::{HeaderMap, TRANSFER_ENCODING};
use owt_core::{Error, UrlKeys, signature};

use super::headers::declared_len;
use super::url_key_file::{self, UrlKeyFileError};
use crate::watched_file::WatchedFile;

/// Where the keys of signed URLs are.
#[derive(Debug, Clone)]
pub enum UrlKeySource {
    /// In a file, which is read again when it changes.
    File(PathBuf),
    /// Here.
    Keys(UrlKeys),
}

/// The keys with which URLs are signed for this server.
#[derive(Debug)]
pub(crate) enum SignedUrls {
    /// There are none, and no signed URL is valid.
    Off,
    Keys(UrlKeys),
    /// Once the file cannot be used any more, it has no keys: what was in it may have been taken back.
    File(WatchedFile<Option<UrlKeys>>),
}

impl SignedUrls {
    /// Reads the keys, if there are any.
    pub(crate) fn open(source: Option<&UrlKeySource>) -> Result<Self, UrlKeyFileError> {
        let Some(source) = source else { return Ok(Self::Off) };
        let path = match source {
            UrlKeySource::Keys(keys) => return Ok(Self::Keys(keys.clone())),
            UrlKeySource::File(path) => path,
        };
        url_key_file::read(path)?;
        WatchedFile::open_with(path.clone(), |path| Ok(usable(path))).map(Self::File)
    }

    /// Whether a request has a signature, which then decides on it.
    pub(super) fn decide(head: &RequestHead) -> bool {
        head.uri.query().is_some_and(signature::is_in)
    }

    /// Decides whether a request is signed for the call that it makes. A signature is that of a `GET`
    /// without a body, and opens nothing under `/_owt/`.
    pub(super) async fn verify(&self, head: &RequestHead) -> Result<(), Error> {
        let (path, query) = (head.uri.path(), head.uri.query().unwrap_or_default());
        let can_be_signed = matches!(head.method, Method::GET | Method::HEAD)
            && !path.starts_with("/_owt/")
            && !has_body(head.headers());
        if !can_be_signed {
            return Err(Error::SignatureInvalid);
        }
        let verify = |keys: &UrlKeys| signature::verify(keys, path, query, SystemTime::now());
        let verify_any =
            |keys: &Option<UrlKeys>| keys.as_ref().map_or(Err(Error::SignatureInvalid), verify);
        match self {
            Self::Off => Err(Error::SignatureInvalid),
            Self::Keys(keys) => verify(keys),
            Self::File(file) => file.check(|keys| verify_any(keys)).await,
        }
    }
}

/// The keys of a file that can be used.
fn usable(path: &Path) -> Option<UrlKeys> {
    url_key_file::read(path)
        .inspect_err(|err| tracing::error!("no signed URL is valid: {err}"))
        .ok()
}

fn has_body(headers: &HeaderMap) -> bool {
    declared_len(headers) > 0 || headers.contains_key(TRANSFER_ENCODING)
}
