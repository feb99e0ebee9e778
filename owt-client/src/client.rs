//! The client: one server, and the connections to it.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use owt_core::{BaseInvalid, Envelope};
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap};
use reqwest::{Method, RequestBuilder};

use crate::read_timeout::ReadTimeout;
use crate::sent_sources::SentSources;
use crate::{Adaptor, Call, ClientBuilder, Error, Reply, address};

/// A client of one owt server.
///
/// Clones share its connections, and the record of what the server has: source that was sent once is
/// sent as its digest from then on, and again in full when the server has forgotten it.
///
/// # Examples
///
/// ```
/// use owt_client::{Adaptor, Client};
/// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/server.rs")); }
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), owt_client::Error> {
/// # let base = &server::answering("text/plain", "HELLO");
///
/// let client = Client::new(base)?;
/// let adaptor = Adaptor::from_source("lambda: 'HELLO'");
/// for _ in 0..2 {
///     let reply = client.call(&adaptor).send().await?;
///     assert_eq!(reply.text().await?, "HELLO");
/// }
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Client {
    pub(crate) base: String,
    pub(crate) http: reqwest::Client,
    pub(crate) sent_sources: Arc<SentSources>,
    pub(crate) read_timeout: ReadTimeout,
    pub(crate) credentials: Option<Credentials>,
}

/// The caller's credentials.
#[derive(Clone)]
pub(crate) enum Credentials {
    Login { user: String, password: String },
    Token(String),
}

impl Client {
    /// A client of the server at a base URL, such as `http://localhost:9876/path`, with the defaults
    /// of [`ClientBuilder`].
    ///
    /// # Errors
    ///
    /// Those of [`ClientBuilder::build`].
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(owt_client::Client::new("localhost:9876").is_ok());
    /// assert!(owt_client::Client::new("ftp://localhost").is_err());
    /// ```
    pub fn new(base: &str) -> Result<Client, Error> {
        Client::builder(base).build()
    }

    /// Returns a builder for a client of the server at a base URL, to set certificates, timeouts and user.
    pub fn builder(base: impl Into<String>) -> ClientBuilder {
        ClientBuilder::new(base.into())
    }

    /// The same client, as this user (HTTP Basic, RFC 7617).
    ///
    /// # Examples
    ///
    /// ```
    /// let client = owt_client::Client::new("localhost:9876")?.with_auth("me", "secret");
    /// assert!(!format!("{client:?}").contains("secret"));
    /// # Ok::<(), owt_client::Error>(())
    /// ```
    #[must_use]
    pub fn with_auth(self, user: impl Into<String>, password: impl Into<String>) -> Client {
        let credentials = Credentials::Login { user: user.into(), password: password.into() };
        Client { credentials: Some(credentials), ..self }
    }

    /// The same client, with this token (Bearer, RFC 6750).
    #[must_use]
    pub fn with_token(self, token: impl Into<String>) -> Client {
        Client { credentials: Some(Credentials::Token(token.into())), ..self }
    }

    /// Returns a builder for a call of an adaptor.
    pub fn call(&self, adaptor: impl Borrow<Adaptor>) -> Call {
        self.call_with(adaptor.borrow().envelope())
    }

    /// Returns a builder for the call that an envelope describes.
    ///
    /// # Examples
    ///
    /// ```
    /// use owt_client::{Client, Code, Digest, Envelope};
    ///
    /// let client = Client::new("localhost:9876")?;
    /// let call = client.call_with(Envelope::new(Code::Known(Digest::of("1 + 1"))));
    /// # Ok::<(), owt_client::Error>(())
    /// ```
    pub fn call_with(&self, envelope: Envelope) -> Call {
        Call::new(self.clone(), envelope, self.read_timeout)
    }

    /// Asks the server for what it says of itself, as JSON or text: `what` is the path under `/_owt/`, such
    /// as `health`, `pools`, `calls`, `adaptors` or `metrics`.
    ///
    /// # Errors
    ///
    /// Those of [`Call::send`].
    pub async fn status(&self, what: &str) -> Result<Reply, Error> {
        self.ask(Method::GET, (what, None), self.read_timeout).await
    }

    /// Sends a message of the [Model Context Protocol] to the tools of the server, and returns the answer:
    /// JSON, or server-sent events.
    ///
    /// # Errors
    ///
    /// Those of [`Call::send`].
    ///
    /// [Model Context Protocol]: https://modelcontextprotocol.io
    pub async fn mcp(&self, headers: HeaderMap, message: impl Into<Bytes>) -> Result<Reply, Error> {
        let mut url = reqwest::Url::parse(&self.base).map_err(|_| BaseInvalid::Host)?;
        url.set_path("/_owt/mcp");
        url.set_query(None);
        let request = self.http.post(url).headers(headers).body(message.into());
        let request = request
            .header(ACCEPT, "application/json, text/event-stream")
            .header(CONTENT_TYPE, "application/json");
        let sending = async { self.authorized(request).send().await.map_err(Error::sending) };
        Reply::read(self.read_timeout.wait(sending).await?, self.read_timeout).await
    }

    /// Sends a request to a path under `/_owt/`, with a query.
    pub(crate) async fn ask(
        &self,
        method: Method,
        (path, query): (&str, Option<&str>),
        read_timeout: ReadTimeout,
    ) -> Result<Reply, Error> {
        let mut url = reqwest::Url::parse(&self.base).map_err(|_| BaseInvalid::Host)?;
        url.set_path(&format!("/_owt/{path}"));
        url.set_query(query);
        let outcome = read_timeout
            .wait(async {
                let request = self.authorized(self.http.request(method, url));
                request.send().await.map_err(Error::sending)
            })
            .await;
        Reply::read(outcome?, read_timeout).await
    }

    /// A request with the caller's credentials.
    pub(crate) fn authorized(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.credentials {
            None => request,
            Some(Credentials::Login { user, password }) => request.basic_auth(user, Some(password)),
            Some(Credentials::Token(token)) => request.bearer_auth(token),
        }
    }
}

impl fmt::Debug for Client {
    /// Leaves out credentials, and the base's query.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("base", &address::shown(&self.base)).finish_non_exhaustive()
    }
}
