//! Signed URLs: whether a request is signed for the call that it makes, with the keys of the moment.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use actix_web::dev::RequestHead;
use actix_web::http::Method;
use actix_web::http::header::{HeaderMap, TRANSFER_ENCODING};
use owt_core::{Error, UrlKeys, signature};
use parking_lot::Mutex;

use super::headers::declared_len;
use super::url_key_file::{self, Stamp, UrlKeyFileError};

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
pub(crate) struct SignedUrls {
    file: Option<PathBuf>,
    current: Mutex<Current>,
}

#[derive(Debug, Default)]
struct Current {
    /// What the file was like when it was read.
    stamp: Option<Stamp>,
    keys: Option<Arc<UrlKeys>>,
}

impl SignedUrls {
    /// Reads the keys, if there are any.
    pub(crate) fn open(source: Option<&UrlKeySource>) -> Result<Self, UrlKeyFileError> {
        let (file, keys) = match source {
            None => (None, None),
            Some(UrlKeySource::Keys(keys)) => (None, Some(keys.clone())),
            Some(UrlKeySource::File(path)) => (Some(path.clone()), Some(url_key_file::read(path)?)),
        };
        let stamp = file.as_deref().and_then(Stamp::of);
        Ok(Self { file, current: Mutex::new(Current { stamp, keys: keys.map(Arc::new) }) })
    }

    /// Whether a request has a signature, which then decides on it.
    pub(super) fn decide(head: &RequestHead) -> bool {
        head.uri.query().is_some_and(signature::is_in)
    }

    /// Decides whether a request is signed for the call that it makes. A signature is that of a `GET`
    /// without a body, and opens nothing under `/_owt/`.
    pub(super) fn verify(&self, head: &RequestHead) -> Result<(), Error> {
        let (path, query) = (head.uri.path(), head.uri.query().unwrap_or_default());
        let can_be_signed = matches!(head.method, Method::GET | Method::HEAD)
            && !path.starts_with("/_owt/")
            && !has_body(head.headers());
        let keys = self.keys().filter(|_| can_be_signed).ok_or(Error::SignatureInvalid)?;
        signature::verify(&keys, path, query, SystemTime::now())
    }

    /// The keys of the moment. A file that cannot be read any more has none.
    fn keys(&self) -> Option<Arc<UrlKeys>> {
        let mut current = self.current.lock();
        if let Some(file) = &self.file {
            let stamp = Stamp::of(file);
            if stamp != current.stamp {
                let keys = url_key_file::read(file).inspect_err(|err| {
                    tracing::error!("no signed URL is valid: {err}");
                });
                *current = Current { stamp, keys: keys.ok().map(Arc::new) };
            }
        }
        current.keys.clone()
    }
}

fn has_body(headers: &HeaderMap) -> bool {
    declared_len(headers) > 0 || headers.contains_key(TRANSFER_ENCODING)
}
