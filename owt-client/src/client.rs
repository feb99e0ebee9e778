//! The client: one server, and the connections to it.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use owt_core::{Envelope, base};
use reqwest::{ClientBuilder, RequestBuilder, redirect};

use crate::known::Known;
use crate::patience::Patience;
#[cfg(feature = "tls")]
use crate::tls;
use crate::{Adaptor, Call, Error, address};

/// How long a client tries to connect.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A client of one owt server.
///
/// Clones share its connections, and what they know of the server: source that it has been sent once
/// is sent as its digest from then on, and sent again when the server has forgotten it.
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
    pub(crate) known: Arc<Known>,
    pub(crate) patience: Patience,
    credentials: Option<Credentials>,
}

/// Who the caller is.
#[derive(Clone)]
struct Credentials {
    user: String,
    password: String,
}

impl Client {
    /// A client of the server at a base URL, such as `http://localhost:9876/path`.
    ///
    /// It tries to connect for 10 seconds, and then waits for answers without end. By `https`, it
    /// trusts whom the system trusts; `SSL_CERT_FILE` and `SSL_CERT_DIR` name other certificates.
    ///
    /// # Errors
    ///
    /// [`Error::Base`] if the base is no HTTP URL, [`Error::NoTls`] if it is `https` without the
    /// feature `tls`.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(owt_client::Client::new("localhost:9876").is_ok());
    /// assert!(owt_client::Client::new("ftp://localhost").is_err());
    /// ```
    pub fn new(base: &str) -> Result<Client, Error> {
        let base = base::absolute(base)?;
        if base.starts_with("https:") && !cfg!(feature = "tls") {
            return Err(Error::NoTls);
        }
        #[cfg(feature = "tls")]
        let http = build(tls::trust_system(builder()))?;
        #[cfg(not(feature = "tls"))]
        let http = build(builder())?;
        let known = Arc::default();
        Ok(Client { base, http, known, patience: Patience::default(), credentials: None })
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
        let credentials = Credentials { user: user.into(), password: password.into() };
        Client { credentials: Some(credentials), ..self }
    }

    /// The same client, whose calls have this [`patience`](Call::patience) unless they set another.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let client = owt_client::Client::new("localhost:9876")?;
    /// let client = client.with_patience(Duration::from_secs(60));
    /// # Ok::<(), owt_client::Error>(())
    /// ```
    #[must_use]
    pub fn with_patience(self, limit: Duration) -> Client {
        Client { patience: Patience(Some(limit)), ..self }
    }

    /// The same client, which trusts the certificates in this PEM text (RFC 7468) and those for which
    /// they vouch, and no others. A server's own certificate will do, also one that is signed by itself.
    ///
    /// # Errors
    ///
    /// [`Error::RootCertificate`] if there is no certificate in the text, or one that cannot be read.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// let client = owt_client::Client::new("https://gpu-box:9876")?;
    /// let client = client.with_root_certificate(std::fs::read("ca.pem")?)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "tls")]
    pub fn with_root_certificate(self, pem: impl AsRef<[u8]>) -> Result<Client, Error> {
        Ok(Client { http: build(tls::trust_given(builder(), pem.as_ref())?)?, ..self })
    }

    /// The same client, which takes any certificate for the server's. **This is dangerous**: whoever
    /// can get in between reads code, arguments and passwords, and answers what they like.
    /// [`with_root_certificate`](Client::with_root_certificate) is what private certificates need.
    ///
    /// # Errors
    ///
    /// [`Error::Request`] if the HTTP client cannot be set up.
    ///
    /// # Examples
    ///
    /// ```
    /// let client = owt_client::Client::new("https://localhost:9876")?;
    /// let client = client.danger_with_unverified_certificates()?;
    /// # Ok::<(), owt_client::Error>(())
    /// ```
    #[cfg(feature = "tls")]
    pub fn danger_with_unverified_certificates(self) -> Result<Client, Error> {
        Ok(Client { http: build(tls::trust_anybody(builder()))?, ..self })
    }

    /// Begins a call of an adaptor.
    pub fn call(&self, adaptor: impl Borrow<Adaptor>) -> Call {
        self.call_with(adaptor.borrow().envelope())
    }

    /// Begins a call that an envelope describes.
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
        Call::new(self.clone(), envelope, self.patience)
    }

    /// A request that says who is calling.
    pub(crate) fn authorized(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.credentials {
            None => request,
            Some(login) => request.basic_auth(&login.user, Some(&login.password)),
        }
    }
}

impl fmt::Debug for Client {
    /// Leaves out credentials, and the base's query.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("base", &address::shown(&self.base)).finish_non_exhaustive()
    }
}

fn builder() -> ClientBuilder {
    reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        // A redirection is the adaptor's answer. To follow it would pass the code on.
        .redirect(redirect::Policy::none())
        .referer(false)
}

fn build(builder: ClientBuilder) -> Result<reqwest::Client, Error> {
    builder.build().map_err(|err| Error::Request(err.without_url()))
}
