//! A call that is being put together.

use std::time::Duration;

use bytes::Bytes;
use owt_core::Envelope;
use owt_core::kwargs::{KwargsError, to_kwargs_text};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, RequestBuilder};
use serde::Serialize;

use crate::{Client, Error, Reply};

/// A call of one adaptor, not sent yet.
#[derive(Debug)]
#[must_use = "a call does nothing until it is sent"]
pub struct Call {
    client: Client,
    envelope: Envelope,
    /// Arguments that cannot be sent are reported when the call is.
    kwargs: Result<(), KwargsError>,
    method: Option<Method>,
    headers: HeaderMap,
    body: Option<Bytes>,
}

impl Call {
    pub(crate) fn new(client: Client, envelope: Envelope) -> Call {
        Call {
            client,
            envelope,
            kwargs: Ok(()),
            method: None,
            headers: HeaderMap::new(),
            body: None,
        }
    }

    /// Sets the arguments: anything that serialises to a map.
    pub fn kwargs<T: Serialize + ?Sized>(mut self, kwargs: &T) -> Call {
        self.kwargs = to_kwargs_text(kwargs).map(|text| self.envelope.kwargs = text);
        self
    }

    /// Sets the function to call, instead of `run`.
    pub fn fn_name(mut self, name: impl Into<String>) -> Call {
        self.envelope.fn_name = name.into();
        self
    }

    /// Keeps the result, and takes one that was kept. The key has the arguments in it if asked to.
    pub fn cached(mut self, by: CacheKey) -> Call {
        self.envelope.use_cache = true;
        match by {
            CacheKey::Code => self.envelope.cache_kwargs = false,
            CacheKey::CodeAndKwargs => self.envelope.cache_kwargs = true,
            CacheKey::Text(key) => self.envelope.cache_key_override = Some(key),
        }
        self
    }

    /// Sets how long the call may run.
    pub fn timeout(mut self, limit: Duration) -> Call {
        self.envelope.timeout = Some(limit);
        self
    }

    /// Has the adaptor loaded anew.
    pub fn reload(mut self) -> Call {
        self.envelope.reload = true;
        self
    }

    /// Sets the method that the adaptor sees. By default it is `POST`.
    pub fn method(mut self, method: Method) -> Call {
        self.method = Some(method);
        self
    }

    /// Adds a header.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Call {
        self.headers.append(name, value);
        self
    }

    /// Sets the body that the adaptor sees. The envelope is in the query then.
    pub fn body(mut self, body: impl Into<Bytes>) -> Call {
        self.body = Some(body.into());
        self
    }

    /// Sends the call, and gives the adaptor's answer once it begins.
    ///
    /// # Errors
    ///
    /// If the server cannot be reached, or owt itself answers instead of the adaptor. An adaptor's
    /// own answer is no error, whatever its status.
    pub async fn send(mut self) -> Result<Reply, Error> {
        std::mem::replace(&mut self.kwargs, Ok(()))?;
        let response = self.request()?.send().await.map_err(Error::sending)?;
        Reply::new(response).await
    }

    /// The HTTP request, which has the envelope in its body if that is free.
    fn request(self) -> Result<RequestBuilder, Error> {
        let method = self.method.unwrap_or(Method::POST);
        let client = &self.client;
        let request = match self.body {
            None if method == Method::POST => client
                .http
                .post(&client.base)
                .header(CONTENT_TYPE, "application/json")
                .body(self.envelope.to_json()),
            body => {
                let url = self.envelope.to_url(&client.base)?;
                let request = client.http.request(method, url);
                match body {
                    None => request,
                    Some(body) => request.body(body),
                }
            }
        };
        let request = request.headers(self.headers);
        Ok(match &client.credentials {
            None => request,
            Some(login) => request.basic_auth(&login.user, Some(&login.password)),
        })
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
