//! The client: one server, and the connections to it.

use owt_core::{Envelope, base};

use crate::{Adaptor, Call, Error};

/// A client of one owt server. Clones share its connections.
#[derive(Debug, Clone)]
pub struct Client {
    pub(crate) base: String,
    pub(crate) http: reqwest::Client,
    pub(crate) credentials: Option<Credentials>,
}

/// Who the caller is.
#[derive(Clone)]
pub(crate) struct Credentials {
    pub(crate) user: String,
    pub(crate) password: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credentials")
    }
}

impl Client {
    /// A client of the server at a base URL, such as `http://localhost:9876/path`.
    ///
    /// # Errors
    ///
    /// If the base is no HTTP URL, or is `https` without the feature `tls`.
    pub fn new(base: &str) -> Result<Client, Error> {
        let base = base::absolute(base)?;
        if base.starts_with("https:") && !cfg!(feature = "tls") {
            return Err(Error::NoTls);
        }
        // A redirected request would name the URL that it came from, which may hold the program.
        let http = reqwest::Client::builder().referer(false).build().map_err(Error::sending)?;
        Ok(Client { base, http, credentials: None })
    }

    /// The same client, as this user.
    #[must_use]
    pub fn with_auth(self, user: impl Into<String>, password: impl Into<String>) -> Client {
        let credentials = Credentials { user: user.into(), password: password.into() };
        Client { credentials: Some(credentials), ..self }
    }

    /// Begins a call of an adaptor.
    pub fn call(&self, adaptor: Adaptor) -> Call {
        self.call_with(Envelope::new(adaptor.code))
    }

    /// Begins a call that an envelope describes.
    pub fn call_with(&self, envelope: Envelope) -> Call {
        Call::new(self.clone(), envelope)
    }
}
