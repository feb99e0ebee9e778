//! The body of a call's request, for the adaptor to read.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures_core::Stream;
use reqwest::header::{CONTENT_LENGTH, HeaderMap};
use tokio::fs::File;
use tokio::io::AsyncReadExt;
use tokio_util::io::ReaderStream;

use crate::Error;

/// How much of a file is read at once.
const CHUNK: usize = 64 * 1024;

/// A body that the adaptor reads with `request.data`, or `request.stream`.
///
/// Bytes are in memory, and sent again if need be. A file is read while it is sent, and so is a
/// stream: neither is ever in memory as a whole, or sent twice.
///
/// # Examples
///
/// ```
/// use owt_client::{Adaptor, Body, Client};
/// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/server.rs")); }
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), owt_client::Error> {
/// # let base = &server::answering("text/plain", "11");
///
/// let path = std::env::temp_dir().join("owt-client-body.txt");
/// # std::fs::write(&path, "ay up, owt\n").unwrap();
/// let count = Adaptor::from_source("def run(request): return len(request.data)");
/// let reply = Client::new(base)?.call(count).body(Body::file(&path)).send().await?;
/// assert_eq!(reply.text().await?, "11");
/// # std::fs::remove_file(path).unwrap();
/// # Ok(()) }
/// ```
pub struct Body(Kind);

enum Kind {
    Bytes(Bytes),
    File(PathBuf),
    Stream(reqwest::Body),
}

impl Body {
    /// A file, which is opened when the call is sent.
    #[must_use]
    pub fn file(path: impl AsRef<Path>) -> Body {
        Body(Kind::File(path.as_ref().to_owned()))
    }

    /// A stream of any length. An error in it breaks the call off.
    ///
    /// # Examples
    ///
    /// ```
    /// use futures_util::stream;
    /// use owt_client::Body;
    ///
    /// let parts = ["one", "two"].map(|part| Ok::<_, std::io::Error>(part.into()));
    /// let body = Body::stream(stream::iter(parts));
    /// ```
    pub fn stream<S, E>(stream: S) -> Body
    where
        S: Stream<Item = Result<Bytes, E>> + Send + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>> + 'static,
    {
        Body(Kind::Stream(reqwest::Body::wrap_stream(stream)))
    }

    /// The body again, if it can be sent more than once at no cost.
    pub(crate) fn again(&self) -> Option<Body> {
        match &self.0 {
            Kind::Bytes(bytes) => Some(Body(Kind::Bytes(bytes.clone()))),
            Kind::File(_) | Kind::Stream(_) => None,
        }
    }

    /// The body as it is sent, with its length in the headers where that is known.
    pub(crate) async fn open(self, headers: &mut HeaderMap) -> Result<reqwest::Body, Error> {
        match self.0 {
            Kind::Bytes(bytes) => Ok(bytes.into()),
            Kind::Stream(body) => Ok(body),
            Kind::File(path) => {
                let (body, length) = open_file(&path).await?;
                if let Some(length) = length {
                    headers.insert(CONTENT_LENGTH, length.into());
                }
                Ok(body)
            }
        }
    }
}

/// A file as it is read, and its length, which pipes and devices do not know.
pub(crate) async fn open_file(path: &Path) -> Result<(reqwest::Body, Option<u64>), Error> {
    let opened = open(path).await;
    let (file, length) =
        opened.map_err(|source| Error::Upload { path: path.to_owned(), source })?;
    // A file that grows meanwhile is cut at the length that was promised.
    let read = file.take(length.unwrap_or(u64::MAX));
    Ok((reqwest::Body::wrap_stream(ReaderStream::with_capacity(read, CHUNK)), length))
}

async fn open(path: &Path) -> io::Result<(File, Option<u64>)> {
    let file = File::open(path).await?;
    let metadata = file.metadata().await?;
    match metadata.is_dir() {
        true => Err(io::ErrorKind::IsADirectory.into()),
        false => Ok((file, metadata.is_file().then_some(metadata.len()))),
    }
}

impl fmt::Debug for Body {
    /// Shows no content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Bytes(bytes) => write!(f, "Body({} bytes)", bytes.len()),
            Kind::File(path) => write!(f, "Body(file {path:?})"),
            Kind::Stream(_) => f.write_str("Body(stream)"),
        }
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Body {
        Body(Kind::Bytes(bytes))
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Body {
        Bytes::from(bytes).into()
    }
}

impl From<String> for Body {
    fn from(text: String) -> Body {
        Bytes::from(text).into()
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Body {
        Bytes::from(text).into()
    }
}

impl From<&'static [u8]> for Body {
    fn from(bytes: &'static [u8]) -> Body {
        Bytes::from(bytes).into()
    }
}
