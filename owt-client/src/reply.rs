//! An adaptor's reply.

use std::fmt;

use bytes::{Bytes, BytesMut};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Response, StatusCode};
use serde::de::DeserializeOwned;

use crate::progress::Follower;
use crate::read_timeout::ReadTimeout;
use crate::{ByteStream, Error, Events, ServerError};

/// Every answer of owt has this header, so one without it comes from something else.
pub(crate) const REQUEST_ID: &str = "owt-request-id";

/// The reply of an adaptor. Its body may still be arriving.
///
/// # Examples
///
/// ```
/// use owt_client::{Adaptor, Client, StatusCode};
/// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/server.rs")); }
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), owt_client::Error> {
/// # let base = &server::answering("application/json", "[1,4,9]");
///
/// let adaptor = Adaptor::from_source("lambda: [n * n for n in (1, 2, 3)]");
/// let reply = Client::new(base)?.call(adaptor).send().await?;
/// assert_eq!(reply.status(), StatusCode::OK);
/// assert_eq!(reply.headers()["content-type"], "application/json");
/// assert_eq!(reply.json::<Vec<u32>>().await?, [1, 4, 9]);
/// # Ok(()) }
/// ```
pub struct Reply {
    inner: Response,
    read_timeout: ReadTimeout,
    /// Of a call whose progress is followed.
    _follower: Option<Follower>,
}

impl Reply {
    /// Tells an adaptor's reply from an answer of owt itself.
    pub(crate) async fn read(inner: Response, read_timeout: ReadTimeout) -> Result<Reply, Error> {
        if !inner.headers().contains_key(REQUEST_ID) {
            return Err(Error::NotOwt(inner.status()));
        }
        match ServerError::is_in(inner.headers()) {
            true => Err(Error::Server(Box::new(ServerError::read(inner, read_timeout).await?))),
            false => Ok(Reply { inner, read_timeout, _follower: None }),
        }
    }

    /// The same reply, whose call is followed as long as it is read.
    pub(crate) fn followed_by(self, follower: Option<Follower>) -> Reply {
        Reply { _follower: follower, ..self }
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.inner.status()
    }

    /// The headers.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        self.inner.headers()
    }

    /// The name of this request in the server's log.
    #[must_use]
    pub fn request_id(&self) -> &str {
        let id = self.headers().get(REQUEST_ID);
        id.and_then(|id| id.to_str().ok()).unwrap_or_default()
    }

    /// This reply, unless its status is 400 or more.
    ///
    /// # Errors
    ///
    /// [`Error::Status`] if it is. The body, which may say why, is lost: look at
    /// [`status`](Reply::status) first to keep it.
    ///
    /// # Examples
    ///
    /// ```
    /// # use owt_client::{Adaptor, Client, StatusCode};
    /// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/server.rs")); }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), owt_client::Error> {
    /// # let client = Client::new(&server::answering("text/plain", ""))?;
    /// # let call = client.call(Adaptor::from_source("lambda: ..."));
    /// let reply = call.send().await?.error_for_status()?;
    /// assert_eq!(reply.status(), StatusCode::OK);
    /// # Ok(()) }
    /// ```
    pub fn error_for_status(self) -> Result<Reply, Error> {
        match self.status() {
            status if status.is_client_error() || status.is_server_error() => {
                Err(Error::Status(status))
            }
            _ => Ok(self),
        }
    }

    /// The whole body as text. Invalid UTF-8 becomes replacement characters.
    ///
    /// # Errors
    ///
    /// [`Error::Broken`] or [`Error::TimedOut`] if the reply breaks off.
    pub async fn text(self) -> Result<String, Error> {
        Ok(String::from_utf8_lossy(&self.bytes().await?).into_owned())
    }

    /// The whole body.
    ///
    /// # Errors
    ///
    /// [`Error::Broken`] or [`Error::TimedOut`] if the reply breaks off.
    pub async fn bytes(mut self) -> Result<Bytes, Error> {
        read_all(&mut self.inner, self.read_timeout).await
    }

    /// The whole body, read as JSON.
    ///
    /// # Errors
    ///
    /// [`Error::NotJson`] if it is not JSON of this type; [`Error::Broken`] or
    /// [`Error::TimedOut`] if the reply breaks off.
    pub async fn json<T: DeserializeOwned>(self) -> Result<T, Error> {
        serde_json::from_slice(&self.bytes().await?).map_err(Error::NotJson)
    }

    /// The next chunk of the body as it arrives, or nothing at its end.
    ///
    /// # Errors
    ///
    /// [`Error::Broken`] or [`Error::TimedOut`] if the reply breaks off.
    ///
    /// # Examples
    ///
    /// ```
    /// # use owt_client::{Adaptor, Client};
    /// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/server.rs")); }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), owt_client::Error> {
    /// # let client = Client::new(&server::answering("text/plain", "ay up"))?;
    /// # let call = client.call(Adaptor::from_source("lambda: ..."));
    /// let mut reply = call.send().await?;
    /// while let Some(chunk) = reply.chunk().await? {
    ///     println!("{} bytes have come", chunk.len());
    /// }
    /// # Ok(()) }
    /// ```
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        next_chunk(&mut self.inner, self.read_timeout).await
    }

    /// The chunks of the body as they arrive.
    ///
    /// # Examples
    ///
    /// ```
    /// use futures_util::TryStreamExt;
    /// use owt_client::{Adaptor, Client};
    /// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/server.rs")); }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), owt_client::Error> {
    /// # let base = &server::answering("audio/wav", "RIFF");
    ///
    /// let adaptor = Adaptor::from_source("def run():\n    yield b'RIFF'");
    /// let mut chunks = Client::new(base)?.call(adaptor).send().await?.stream();
    /// while let Some(chunk) = chunks.try_next().await? {
    ///     assert_eq!(chunk, "RIFF");
    /// }
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn stream(self) -> ByteStream {
        ByteStream::new(self)
    }

    /// The server-sent events of the body as they arrive.
    ///
    /// # Errors
    ///
    /// [`Error::NotEvents`] if the reply has another media type.
    ///
    /// # Examples
    ///
    /// ```
    /// use futures_util::TryStreamExt;
    /// use owt_client::{Adaptor, Client};
    /// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/server.rs")); }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), owt_client::Error> {
    /// # let base = &server::answering("text/event-stream", "event: token\ndata: ay\n\n");
    ///
    /// let adaptor = Adaptor::from_source("def run(): ...");
    /// let mut events = Client::new(base)?.call(adaptor).send().await?.events()?;
    /// let event = events.try_next().await?.expect("there is an event");
    /// assert_eq!((event.event.as_str(), event.data.as_str()), ("token", "ay"));
    /// # Ok(()) }
    /// ```
    pub fn events(self) -> Result<Events, Error> {
        let mime = self.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes);
        let mime = mime.and_then(|mime| mime.split(|byte| *byte == b';').next());
        match mime {
            Some(mime) if mime.trim_ascii().eq_ignore_ascii_case(b"text/event-stream") => {
                Ok(Events::new(self.stream()))
            }
            _ => Err(Error::NotEvents),
        }
    }
}

impl fmt::Debug for Reply {
    /// Leaves out the URL, and headers that an adaptor may have filled with arguments.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply")
            .field("status", &self.status())
            .field("request_id", &self.request_id())
            .finish_non_exhaustive()
    }
}

async fn next_chunk(
    inner: &mut Response,
    read_timeout: ReadTimeout,
) -> Result<Option<Bytes>, Error> {
    read_timeout.wait(async { inner.chunk().await.map_err(Error::reading) }).await
}

/// The rest of a body.
pub(crate) async fn read_all(
    inner: &mut Response,
    read_timeout: ReadTimeout,
) -> Result<Bytes, Error> {
    let Some(first) = next_chunk(inner, read_timeout).await? else { return Ok(Bytes::new()) };
    let mut whole = BytesMut::from(first);
    while let Some(chunk) = next_chunk(inner, read_timeout).await? {
        whole.extend_from_slice(&chunk);
    }
    Ok(whole.freeze())
}
