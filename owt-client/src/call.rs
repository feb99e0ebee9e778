//! The builder of a call.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use owt_core::kwargs::to_kwargs_text;
use owt_core::{Envelope, KeepAlive, Progress};
use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;

use crate::progress::OnProgress;
use crate::read_timeout::ReadTimeout;
use crate::{Body, Client, Error, Form, Reply};

/// A call of one adaptor, not sent yet. [`Client::call`] begins one.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use owt_client::{Adaptor, Client, Method};
/// use serde::Serialize;
/// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/server.rs")); }
///
/// #[derive(Serialize)]
/// struct Kwargs<'a> {
///     text: &'a str,
///     longest: u32,
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), owt_client::Error> {
/// # let base = &server::answering("application/json", r#"["bear"]"#);
/// let client = Client::new(base)?;
/// let adaptor = Adaptor::from_source("def run(_, text, longest): ...");
/// let call = client.call(&adaptor)
///     .kwargs(&Kwargs { text: "a bee and a bear", longest: 1 })
///     .path("bees")
///     .timeout(Duration::from_secs(30));
/// assert_eq!(call.send().await?.json::<Vec<String>>().await?, ["bear"]);
/// # Ok(()) }
/// ```
#[must_use = "a call does nothing until it is sent"]
pub struct Call<C = Client> {
    pub(crate) client: C,
    pub(crate) outgoing: Outgoing,
}

/// What is sent, and how.
pub(crate) struct Outgoing {
    pub(crate) envelope: Envelope,
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) content: Content,
    pub(crate) read_timeout: ReadTimeout,
    pub(crate) on_progress: Option<OnProgress>,
    /// The first setting that is invalid: reported when the call is sent.
    pub(crate) error: Option<Error>,
}

/// What the adaptor finds in the request's body.
pub(crate) enum Content {
    /// Nothing of the caller's, so the body is free for the envelope.
    None,
    Body(Body),
    Form(Form),
}

impl<C> Call<C> {
    pub(crate) fn new(client: C, envelope: Envelope, read_timeout: ReadTimeout) -> Call<C> {
        let outgoing = Outgoing {
            envelope,
            method: Method::POST,
            path: String::new(),
            headers: HeaderMap::new(),
            content: Content::None,
            read_timeout,
            on_progress: None,
            error: None,
        };
        Call { client, outgoing }
    }

    /// Sets the arguments: anything that serialises to a map, or `()` for none.
    ///
    /// They are sent as JSON, so NaN and the infinities arrive as `None`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use owt_client::{Adaptor, Client};
    /// # let client = Client::new("localhost:9876")?;
    /// # let adaptor = Adaptor::from_source("def run(request, n=1): return n");
    /// use std::collections::HashMap;
    ///
    /// let call = client.call(&adaptor).kwargs(&HashMap::from([("n", 3)]));
    /// let call = client.call(&adaptor).kwargs(&serde_json::json!({"n": [1, 2.5, null]}));
    /// # Ok::<(), owt_client::Error>(())
    /// ```
    pub fn kwargs<T: Serialize + ?Sized>(mut self, kwargs: &T) -> Self {
        match to_kwargs_text(kwargs) {
            Ok(text) => self.outgoing.envelope.kwargs = text,
            Err(err) => self.outgoing.fail(err.into()),
        }
        self
    }

    /// Sets the function to call, instead of `run`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use owt_client::{Adaptor, Client};
    /// # let client = Client::new("localhost:9876")?;
    /// # let adaptor = Adaptor::from_source("def run(request, n=1): return n");
    /// let call = client.call(&adaptor).fn_name("main");
    /// # Ok::<(), owt_client::Error>(())
    /// ```
    pub fn fn_name(mut self, name: impl Into<String>) -> Self {
        self.outgoing.envelope.fn_name = name.into();
        self
    }

    /// Keeps the result at the server, and takes one that was kept.
    ///
    /// # Examples
    ///
    /// ```
    /// # use owt_client::{Adaptor, Client};
    /// # let client = Client::new("localhost:9876")?;
    /// # let adaptor = Adaptor::from_source("def run(request, n=1): return n");
    /// use owt_client::CacheKey;
    ///
    /// let call = client.call(&adaptor).cached(CacheKey::CodeAndKwargs);
    /// # Ok::<(), owt_client::Error>(())
    /// ```
    pub fn cached(mut self, by: CacheKey) -> Self {
        let envelope = &mut self.outgoing.envelope;
        envelope.use_cache = true;
        envelope.cache_kwargs = by == CacheKey::CodeAndKwargs;
        envelope.cache_key_override = match by {
            CacheKey::Text(key) => Some(key),
            CacheKey::Code | CacheKey::CodeAndKwargs => None,
        };
        self
    }

    /// Sets how long the call may *run*: the server interrupts its Python then, and refuses with
    /// `deadline`. Time in the server's queue does not count.
    ///
    /// How long this client *waits* is its [`read_timeout`](Call::read_timeout).
    ///
    /// # Examples
    ///
    /// ```
    /// # use owt_client::{Adaptor, Client};
    /// # let client = Client::new("localhost:9876")?;
    /// # let adaptor = Adaptor::from_source("def run(request, n=1): return n");
    /// use std::time::Duration;
    ///
    /// // The adaptor may run for 30 seconds; the queue, the network and all may take 60.
    /// let call = client.call(&adaptor);
    /// let call = call.timeout(Duration::from_secs(30)).read_timeout(Duration::from_secs(60));
    /// # Ok::<(), owt_client::Error>(())
    /// ```
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.outgoing.envelope.timeout = Some(limit);
        self
    }

    /// Has the adaptor loaded anew.
    ///
    /// # Examples
    ///
    /// ```
    /// # use owt_client::{Adaptor, Client};
    /// # let client = Client::new("localhost:9876")?;
    /// # let adaptor = Adaptor::from_source("def run(request, n=1): return n");
    /// let call = client.call(&adaptor).reload();
    /// # Ok::<(), owt_client::Error>(())
    /// ```
    pub fn reload(mut self) -> Self {
        self.outgoing.envelope.reload = true;
        self
    }

    /// Has the server make the call again if it loses the owt, a member of the pool, that may have run it
    /// already.
    ///
    /// # Examples
    ///
    /// ```
    /// # use owt_client::{Adaptor, Client};
    /// # let client = Client::new("localhost:9876")?;
    /// # let adaptor = Adaptor::from_source("def run(request, n=1): return n");
    /// let call = client.call(&adaptor).retry();
    /// # Ok::<(), owt_client::Error>(())
    /// ```
    pub fn retry(mut self) -> Self {
        self.outgoing.envelope.retry = true;
        self
    }

    /// Has the call run in a pool of the server's: by default in the one that the code names, else in
    /// `default`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use owt_client::{Adaptor, Client};
    /// # let client = Client::new("localhost:9876")?;
    /// # let adaptor = Adaptor::from_source("def run(request, n=1): return n");
    /// let call = client.call(&adaptor).pool("gpu");
    /// # Ok::<(), owt_client::Error>(())
    /// ```
    pub fn pool(mut self, name: impl Into<String>) -> Self {
        self.outgoing.envelope.pool = Some(name.into());
        self
    }

    /// Sets how long the adaptor stays loaded after this call, where the server's pool says otherwise.
    ///
    /// # Examples
    ///
    /// ```
    /// # use owt_client::{Adaptor, Client};
    /// # let client = Client::new("localhost:9876")?;
    /// # let adaptor = Adaptor::from_source("def run(request, n=1): return n");
    /// use owt_client::KeepAlive;
    ///
    /// let call = client.call(&adaptor).keep_alive(KeepAlive::Always);
    /// # Ok::<(), owt_client::Error>(())
    /// ```
    pub fn keep_alive(mut self, time: KeepAlive) -> Self {
        self.outgoing.envelope.keep_alive = Some(time);
        self
    }

    /// Sets how long this client *waits*: for the answer to begin, counted from the start of
    /// sending, and then for each chunk of it. The call ends with [`Error::TimedOut`], and the
    /// server interrupts its Python, because nobody reads the answer.
    ///
    /// How long the call may *run* is its [`timeout`](Call::timeout).
    pub fn read_timeout(mut self, limit: Duration) -> Self {
        self.outgoing.read_timeout = ReadTimeout(Some(limit));
        self
    }

    /// Has a function told how far the call has come, while it runs and while its reply is read.
    ///
    /// The function is given what the adaptor reports (`request.progress`, `owt.progress`, tqdm) a few
    /// times a second. It runs in a task of its own, or on the thread of a blocking client, so it should
    /// not block. The call gets an id for that, unless it has a header `Owt-Request-Id`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use owt_client::{Adaptor, Client};
    /// # let client = Client::new("localhost:9876")?;
    /// # let adaptor = Adaptor::from_source("def run(request, n=1): return n");
    /// let call = client.call(&adaptor).on_progress(|progress| {
    ///     println!("{} of {:?}", progress.done, progress.total);
    /// });
    /// # Ok::<(), owt_client::Error>(())
    /// ```
    pub fn on_progress(mut self, tell: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        self.outgoing.on_progress = Some(Arc::new(tell));
        self
    }

    /// Sets the method that the adaptor sees. By default it is `POST`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use owt_client::{Adaptor, Client};
    /// # let client = Client::new("localhost:9876")?;
    /// # let adaptor = Adaptor::from_source("def run(request, n=1): return n");
    /// use owt_client::Method;
    ///
    /// let call = client.call(&adaptor).method(Method::DELETE).path("items/7?force=1");
    /// # Ok::<(), owt_client::Error>(())
    /// ```
    pub fn method(mut self, method: Method) -> Self {
        self.outgoing.method = method;
        self
    }

    /// Sets the path that the adaptor sees, under that of the client's base. It may have a query,
    /// which comes after the base's own: `speak/hello.wav?speed=2`.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.outgoing.path = path.into();
        self
    }

    /// Adds a header.
    ///
    /// # Examples
    ///
    /// ```
    /// # use owt_client::{Adaptor, Client};
    /// # let client = Client::new("localhost:9876")?;
    /// # let adaptor = Adaptor::from_source("def run(request, n=1): return n");
    /// let call = client.call(&adaptor).header("Accept-Language", "en-GB");
    /// # Ok::<(), owt_client::Error>(())
    /// ```
    pub fn header<N, V>(mut self, name: N, value: V) -> Self
    where
        N: TryInto<HeaderName>,
        V: TryInto<HeaderValue>,
    {
        match (name.try_into(), value.try_into()) {
            (Ok(name), Ok(value)) => {
                self.outgoing.headers.append(name, value);
            }
            _ => self.outgoing.fail(Error::Header),
        }
        self
    }

    /// Sets the body that the adaptor sees. Code and arguments are in the query then.
    pub fn body(mut self, body: impl Into<Body>) -> Self {
        self.outgoing.content = Content::Body(body.into());
        self
    }

    /// Sets the form that the adaptor sees. Code and arguments are fields of it.
    pub fn form(mut self, form: Form) -> Self {
        self.outgoing.content = Content::Form(form);
        self
    }
}

impl Call {
    /// Sends the call, and returns the adaptor's reply once it begins.
    ///
    /// Dropping the future, or the reply, closes the connection, and the server then interrupts the
    /// call's Python.
    ///
    /// # Errors
    ///
    /// Any [`Error`]. A reply from the adaptor is not an error, whatever its status. A redirection
    /// is a reply, too, and is not followed.
    pub async fn send(self) -> Result<Reply, Error> {
        self.outgoing.send(&self.client).await
    }
}

impl Outgoing {
    /// Keeps the first error.
    fn fail(&mut self, err: Error) {
        self.error.get_or_insert(err);
    }
}

impl<C> fmt::Debug for Call<C> {
    /// Leaves out everything that may hold source, arguments or credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("method", &self.outgoing.method)
            .field("code", &self.outgoing.envelope.code)
            .finish_non_exhaustive()
    }
}

/// What a kept result is found by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CacheKey {
    /// Path and code.
    Code,
    /// Path, code and arguments.
    CodeAndKwargs,
    /// This text alone.
    Text(String),
}
