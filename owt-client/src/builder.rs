//! The builder of a client: certificates, timeouts, credentials.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use owt_core::base;
use reqwest::redirect;

use crate::client::Credentials;
use crate::read_timeout::ReadTimeout;
#[cfg(feature = "tls")]
use crate::tls::Certificates;
use crate::{Client, Error, address, error::TransportError};

/// How long a client tries to connect, by default.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Builds a client; [`Client::builder`] gives one.
///
/// By default, connecting times out after 10 seconds, and waiting for answers never does. By `https`, a
/// client trusts whom the system trusts; `SSL_CERT_FILE` and `SSL_CERT_DIR` name other certificates.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use owt_client::Client;
///
/// let client = Client::builder("localhost:9876")
///     .auth("me", "secret")
///     .read_timeout(Duration::from_secs(60))
///     .build()?;
/// # Ok::<(), owt_client::Error>(())
/// ```
#[must_use = "a builder makes no client until it is built"]
pub struct ClientBuilder {
    base: String,
    credentials: Option<Credentials>,
    connect_timeout: Duration,
    read_timeout: ReadTimeout,
    #[cfg(unix)]
    unix_socket: Option<std::path::PathBuf>,
    #[cfg(feature = "tls")]
    certificates: Certificates,
}

impl ClientBuilder {
    pub(crate) fn new(base: String) -> ClientBuilder {
        ClientBuilder {
            base,
            credentials: None,
            connect_timeout: CONNECT_TIMEOUT,
            read_timeout: ReadTimeout::default(),
            #[cfg(unix)]
            unix_socket: None,
            #[cfg(feature = "tls")]
            certificates: Certificates::System,
        }
    }

    /// Sets the user (HTTP Basic, RFC 7617).
    pub fn auth(mut self, user: impl Into<String>, password: impl Into<String>) -> ClientBuilder {
        let (user, password) = (user.into(), password.into());
        self.credentials = Some(Credentials::Login { user, password });
        self
    }

    /// Sets the token that says who calls, instead of a user (Bearer, RFC 6750).
    pub fn token(mut self, token: impl Into<String>) -> ClientBuilder {
        self.credentials = Some(Credentials::Token(token.into()));
        self
    }

    /// Sets how long the client tries to connect, instead of 10 seconds.
    pub fn connect_timeout(mut self, limit: Duration) -> ClientBuilder {
        self.connect_timeout = limit;
        self
    }

    /// Sets the [`read_timeout`](crate::Call::read_timeout) of calls that set none of their own.
    pub fn read_timeout(mut self, limit: Duration) -> ClientBuilder {
        self.read_timeout = ReadTimeout(Some(limit));
        self
    }

    /// Trusts the certificates in this PEM text (RFC 7468) and those that they issued, and no others. A server's own certificate will do, also one that is signed by itself.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// let builder = owt_client::Client::builder("https://gpu-box:9876");
    /// let client = builder.root_certificate(std::fs::read("ca.pem")?).build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "tls")]
    pub fn root_certificate(mut self, pem: impl Into<Vec<u8>>) -> ClientBuilder {
        self.certificates = Certificates::Given(pem.into());
        self
    }

    /// Takes any certificate for the server's. **This is dangerous**: whoever can get in between
    /// reads code, arguments and passwords, and answers what they like.
    /// [`root_certificate`](ClientBuilder::root_certificate) is what private certificates need.
    #[cfg(feature = "tls")]
    pub fn danger_accept_invalid_certificates(mut self) -> ClientBuilder {
        self.certificates = Certificates::Any;
        self
    }

    /// Connects to the Unix socket at this path, whatever host the base names: a server that was started
    /// with `--socket`. The base is then such as `http://localhost`.
    #[cfg(unix)]
    pub fn unix_socket(mut self, path: impl Into<std::path::PathBuf>) -> ClientBuilder {
        self.unix_socket = Some(path.into());
        self
    }

    /// Makes the client. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// [`Error::Base`] if the base is not an HTTP URL, [`Error::NoTls`] if it is `https` without the
    /// feature `tls`, [`Error::RootCertificate`] if there is no certificate in the text that was to
    /// be trusted, or one that cannot be read.
    pub fn build(self) -> Result<Client, Error> {
        let base = base::absolute(&self.base)?;
        if base.starts_with("https:") && !cfg!(feature = "tls") {
            return Err(Error::NoTls);
        }
        let http = reqwest::Client::builder()
            .connect_timeout(self.connect_timeout)
            // A redirection is the adaptor's answer. To follow it would pass the code on.
            .redirect(redirect::Policy::none())
            .referer(false);
        #[cfg(unix)]
        let http = match &self.unix_socket {
            Some(path) => http.unix_socket(path.as_path()),
            None => http,
        };
        #[cfg(feature = "tls")]
        let http = self.certificates.trusted_by(http)?;
        let http = http.build().map_err(|err| Error::Request(TransportError::new(err)))?;
        let Self { credentials, read_timeout, .. } = self;
        Ok(Client { base, http, sent_sources: Arc::default(), read_timeout, credentials })
    }

    /// Makes a client for programs that are not async.
    ///
    /// # Errors
    ///
    /// Those of [`build`](ClientBuilder::build), and [`Error::Thread`] if no thread can be started.
    #[cfg(feature = "blocking")]
    pub fn build_blocking(self) -> Result<crate::blocking::Client, Error> {
        crate::blocking::Client::from_async(self.build()?)
    }
}

impl fmt::Debug for ClientBuilder {
    /// Leaves out credentials, and the base's query.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("base", &address::shown(&self.base))
            .finish_non_exhaustive()
    }
}
