//! What an adaptor answers.

use bytes::Bytes;
use futures_core::Stream;
use futures_util::TryStreamExt;
use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Response, StatusCode};
use serde::de::DeserializeOwned;

use crate::{Error, Refusal};

/// The answer of an adaptor. Its body may still be on its way.
#[derive(Debug)]
pub struct Reply {
    inner: Response,
}

impl Reply {
    /// Tells an adaptor's answer from one that owt makes itself.
    pub(crate) async fn new(inner: Response) -> Result<Reply, Error> {
        let Some(code) = inner.headers().get("owt-error").map(text) else {
            return Ok(Reply { inner });
        };
        let status = inner.status();
        Err(Error::Refused(Refusal {
            status,
            code,
            text: inner.text().await.map_err(Error::reading)?,
        }))
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

    /// The whole body as text. Bytes that are no UTF-8 become replacement characters.
    ///
    /// # Errors
    ///
    /// If the answer breaks off.
    pub async fn text(self) -> Result<String, Error> {
        self.inner.text().await.map_err(Error::reading)
    }

    /// The whole body.
    ///
    /// # Errors
    ///
    /// If the answer breaks off.
    pub async fn bytes(self) -> Result<Bytes, Error> {
        self.inner.bytes().await.map_err(Error::reading)
    }

    /// The whole body, read as JSON.
    ///
    /// # Errors
    ///
    /// If the answer breaks off, or is not JSON of this type.
    pub async fn json<T: DeserializeOwned>(self) -> Result<T, Error> {
        serde_json::from_slice(&self.bytes().await?).map_err(Error::NotJson)
    }

    /// The next chunk of the body as it arrives, or nothing at its end.
    ///
    /// # Errors
    ///
    /// If the answer breaks off.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        self.inner.chunk().await.map_err(Error::reading)
    }

    /// The chunks of the body as they arrive.
    pub fn stream(self) -> impl Stream<Item = Result<Bytes, Error>> {
        self.inner.bytes_stream().map_err(Error::reading)
    }
}

fn text(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}
