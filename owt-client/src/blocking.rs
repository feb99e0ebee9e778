//! A client for programs that are not async: the same calls, waited for.
//!
//! Each call blocks its thread while a background thread drives the connections. Nothing here may be
//! called from async code: tokio panics where a thread that runs tasks would block.
//!
//! ```
//! use owt_client::{Adaptor, blocking::Client};
//! # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/server.rs")); }
//! # let base = &server::answering("text/plain", "HELLO");
//!
//! let client = Client::new(base)?;
//! let reply = client.call(Adaptor::from_source("lambda: 'HELLO'")).send()?;
//! assert_eq!(reply.text()?, "HELLO");
//! # Ok::<(), owt_client::Error>(())
//! ```

use std::borrow::Borrow;
use std::io::{self, Read};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes};
use futures_util::StreamExt;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde::de::DeserializeOwned;
use tokio::runtime::{self, Runtime};

use crate::{Adaptor, Call, ClientBuilder, Envelope, Error, Event, Job, JobStatus};

/// A client of one owt server; see [`crate::Client`]. Clones share its connections.
#[derive(Debug, Clone)]
pub struct Client {
    inner: crate::Client,
    runtime: BackgroundRuntime,
}

impl Client {
    /// A client of the server at a base URL.
    ///
    /// # Errors
    ///
    /// Those of [`ClientBuilder::build_blocking`].
    pub fn new(base: &str) -> Result<Client, Error> {
        Client::builder(base).build_blocking()
    }

    /// Returns a builder for a client of the server at a base URL, to set certificates, timeouts and
    /// user; [`ClientBuilder::build_blocking`] builds it.
    pub fn builder(base: impl Into<String>) -> ClientBuilder {
        crate::Client::builder(base)
    }

    /// A blocking client with the settings of an async one.
    pub(crate) fn from_async(inner: crate::Client) -> Result<Client, Error> {
        Ok(Client { inner, runtime: BackgroundRuntime::start()? })
    }

    /// The same client, as this user (HTTP Basic).
    #[must_use]
    pub fn with_auth(self, user: impl Into<String>, password: impl Into<String>) -> Client {
        Client { inner: self.inner.with_auth(user, password), ..self }
    }

    /// See [`Client::with_token`](crate::Client::with_token).
    #[must_use]
    pub fn with_token(self, token: impl Into<String>) -> Client {
        Client { inner: self.inner.with_token(token), ..self }
    }

    /// Returns a builder for a call of an adaptor.
    pub fn call(&self, adaptor: impl Borrow<Adaptor>) -> Call<Client> {
        self.call_with(adaptor.borrow().envelope())
    }

    /// Returns a builder for the call that an envelope describes.
    pub fn call_with(&self, envelope: Envelope) -> Call<Client> {
        Call::new(self.clone(), envelope, self.inner.read_timeout)
    }

    /// The job with this id.
    pub fn job(&self, id: impl Into<String>) -> Job<Client> {
        Job { client: self.clone(), id: id.into(), on_progress: None }
    }

    /// All jobs of the server, the oldest first.
    ///
    /// # Errors
    ///
    /// Those of [`crate::Client::jobs`].
    pub fn jobs(&self) -> Result<Vec<JobStatus>, Error> {
        self.runtime.wait(self.inner.jobs())
    }
}

impl Call<Client> {
    /// Sends the call, and waits until the adaptor's reply begins.
    ///
    /// # Errors
    ///
    /// Any [`Error`]. A reply from the adaptor is not an error, whatever its status.
    pub fn send(self) -> Result<Reply, Error> {
        let Call { client: Client { inner, runtime }, outgoing } = self;
        Ok(Reply { inner: runtime.wait(outgoing.send(&inner))?, unread: Bytes::new(), runtime })
    }
}

impl Call<Client> {
    /// Has the server run the call without this client; see [`Call::submit`](crate::Call::submit).
    ///
    /// # Errors
    ///
    /// Any [`Error`] of a call that is not accepted.
    pub fn submit(self) -> Result<Job<Client>, Error> {
        let Call { client, outgoing } = self;
        let call = Call { client: client.inner.clone(), outgoing };
        let Job { id, on_progress, .. } = client.runtime.wait(call.submit())?;
        Ok(Job { client, id, on_progress })
    }
}

impl Job<Client> {
    /// Waits for its end, and returns its reply.
    ///
    /// # Errors
    ///
    /// Those of [`Job::result`](crate::Job::result).
    pub fn result(&self) -> Result<Reply, Error> {
        self.wait(self.as_async().result()).map(|reply| self.reply(reply))
    }

    /// Waits for its end, but no longer than this; no reply if it still runs then.
    ///
    /// # Errors
    ///
    /// Those of [`Job::result`](crate::Job::result).
    pub fn result_within(&self, limit: Duration) -> Result<Option<Reply>, Error> {
        let reply = self.wait(self.as_async().result_within(limit))?;
        Ok(reply.map(|reply| self.reply(reply)))
    }

    /// How far it has come.
    ///
    /// # Errors
    ///
    /// Any [`Error`].
    pub fn status(&self) -> Result<JobStatus, Error> {
        self.wait(self.as_async().status())
    }

    /// Cancels its call, or has its reply dropped.
    ///
    /// # Errors
    ///
    /// Any [`Error`].
    pub fn cancel(&self) -> Result<(), Error> {
        self.wait(self.as_async().cancel())
    }

    fn as_async(&self) -> Job {
        let on_progress = self.on_progress.clone();
        Job { client: self.client.inner.clone(), id: self.id.clone(), on_progress }
    }

    fn reply(&self, inner: crate::Reply) -> Reply {
        Reply { inner, unread: Bytes::new(), runtime: self.client.runtime.clone() }
    }

    fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.client.runtime.wait(future)
    }
}

/// The reply of an adaptor; see [`crate::Reply`]. Its body may still be arriving, and can be read as
/// it arrives, because a reply implements [`Read`]. Dropping it ends the call.
///
/// # Examples
///
/// ```
/// use owt_client::{Adaptor, blocking::Client};
/// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/server.rs")); }
/// # let base = &server::answering("audio/wav", "RIFF");
///
/// let mut reply = Client::new(base)?.call(Adaptor::from_source("lambda: b'RIFF'")).send()?;
/// let mut file = Vec::new();
/// std::io::copy(&mut reply, &mut file)?;
/// assert_eq!(file, b"RIFF");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Reply {
    inner: crate::Reply,
    /// The part of the last chunk that has not been read.
    unread: Bytes,
    runtime: BackgroundRuntime,
}

impl Reply {
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
        self.inner.request_id()
    }

    /// This reply, unless its status is 400 or more.
    ///
    /// # Errors
    ///
    /// [`Error::Status`] if it is.
    pub fn error_for_status(self) -> Result<Reply, Error> {
        Ok(Reply { inner: self.inner.error_for_status()?, ..self })
    }

    /// The whole body as text. Invalid UTF-8 becomes replacement characters.
    ///
    /// # Errors
    ///
    /// Those of [`crate::Reply::text`].
    pub fn text(self) -> Result<String, Error> {
        self.runtime.wait(self.inner.text())
    }

    /// The whole body.
    ///
    /// # Errors
    ///
    /// Those of [`crate::Reply::bytes`].
    pub fn bytes(self) -> Result<Bytes, Error> {
        self.runtime.wait(self.inner.bytes())
    }

    /// The whole body, read as JSON.
    ///
    /// # Errors
    ///
    /// Those of [`crate::Reply::json`].
    pub fn json<T: DeserializeOwned>(self) -> Result<T, Error> {
        self.runtime.wait(self.inner.json())
    }

    /// The next chunk of the body as it arrives, or nothing at its end.
    ///
    /// # Errors
    ///
    /// Those of [`crate::Reply::chunk`].
    pub fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        self.runtime.wait(self.inner.chunk())
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
    /// use owt_client::{Adaptor, blocking::Client};
    /// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/server.rs")); }
    /// # let base = &server::answering("text/event-stream", "data: ay\n\ndata: up\n\n");
    ///
    /// let reply = Client::new(base)?.call(Adaptor::from_source("def run(): ...")).send()?;
    /// let mut words = Vec::new();
    /// for event in reply.events()? {
    ///     words.push(event?.data);
    /// }
    /// assert_eq!(words, ["ay", "up"]);
    /// # Ok::<(), owt_client::Error>(())
    /// ```
    pub fn events(self) -> Result<Events, Error> {
        Ok(Events { inner: self.inner.events()?, runtime: self.runtime })
    }
}

impl Read for Reply {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.unread.is_empty() && !buffer.is_empty() {
            match self.chunk().map_err(io::Error::other)? {
                None => return Ok(0),
                Some(chunk) => self.unread = chunk,
            }
        }
        let length = buffer.len().min(self.unread.len());
        self.unread.copy_to_slice(&mut buffer[..length]);
        Ok(length)
    }
}

/// The server-sent events of a reply; see [`crate::Events`]. Dropping it ends the call.
#[derive(Debug)]
pub struct Events {
    inner: crate::Events,
    runtime: BackgroundRuntime,
}

impl Iterator for Events {
    type Item = Result<Event, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.runtime.wait(self.inner.next())
    }
}

/// A runtime whose one thread drives connections, also while nobody waits: dropping a call must close
/// its connection at once.
#[derive(Debug, Clone)]
struct BackgroundRuntime(Arc<Runtime>);

impl BackgroundRuntime {
    fn start() -> Result<BackgroundRuntime, Error> {
        let mut builder = runtime::Builder::new_multi_thread();
        let builder = builder.worker_threads(1).thread_name("owt-client").enable_all();
        builder.build().map(|runtime| BackgroundRuntime(Arc::new(runtime))).map_err(Error::Thread)
    }

    fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.0.block_on(future)
    }
}
