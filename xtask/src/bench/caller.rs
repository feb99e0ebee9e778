//! Calls that are measured: sent as any client sends them, over connections that stay open.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use reqwest::header::{CONTENT_TYPE, ETAG, HeaderValue, IF_NONE_MATCH};
use reqwest::{Client, Response, StatusCode, Url};
use serde_json::{Value, json};

/// Longer than anything that is measured.
const PATIENCE: Duration = Duration::from_secs(60);

/// Less than the time after which any of the servers closes a connection without calls.
const IDLE: Duration = Duration::from_secs(1);

/// Calls one server.
#[derive(Clone)]
pub(super) struct Caller {
    client: Client,
    url: String,
}

/// What is called: the fields of an envelope.
#[derive(Clone)]
pub(super) struct Envelope(Value);

impl Envelope {
    pub(super) fn new(code: &str) -> Self {
        Self(json!({ "code_b64": BASE64_STANDARD.encode(code) }))
    }

    pub(super) fn kwargs(mut self, kwargs: &Value) -> Self {
        self.0["kwargs_b64"] = BASE64_STANDARD.encode(kwargs.to_string()).into();
        self
    }

    /// The body that a call is sent with.
    pub(super) fn body(&self) -> String {
        self.0.to_string()
    }

    /// The same call, whose result the server keeps.
    pub(super) fn cached(mut self) -> Self {
        self.0["use_cache"] = true.into();
        self.0["cache_kwargs"] = true.into();
        self
    }

    pub(super) fn timeout(mut self, limit: Duration) -> Self {
        self.0["timeout"] = limit.as_secs_f64().into();
        self
    }
}

impl Caller {
    pub(super) fn new(url: String) -> Result<Self> {
        let client = Client::builder().no_proxy().timeout(PATIENCE).pool_idle_timeout(IDLE);
        let client = client.tcp_nodelay(true).build()?;
        Ok(Self { client, url })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Sends a call, and gives back the answer once its head is there.
    pub(super) async fn send(&self, envelope: &Envelope) -> Result<Response> {
        Ok(self.client.post(&self.url).json(&envelope.0).send().await?)
    }

    /// Calls code with a body that is its own, and gives back the text of the answer.
    pub(super) async fn send_body(&self, envelope: &Envelope, body: Vec<u8>) -> Result<String> {
        let request = self.client.post(self.link(envelope)?).body(body);
        let request = request.header(CONTENT_TYPE, "application/octet-stream");
        Ok(request.send().await?.error_for_status()?.text().await?)
    }

    /// The entity tag of a result that is kept.
    pub(super) async fn entity_tag(&self, envelope: &Envelope) -> Result<HeaderValue> {
        // Whoever has it computed gets it as it comes, before its tag is known.
        self.client.get(self.link(envelope)?).send().await?.error_for_status()?.bytes().await?;
        let response = self.client.get(self.link(envelope)?).send().await?.error_for_status()?;
        response.headers().get(ETAG).cloned().context("an answer has no entity tag")
    }

    /// Calls for an answer that the client has already.
    pub(super) async fn not_modified(&self, envelope: &Envelope, tag: &HeaderValue) -> Result<()> {
        let request = self.client.get(self.link(envelope)?).header(IF_NONE_MATCH, tag);
        let status = request.send().await?.status();
        ensure!(status == StatusCode::NOT_MODIFIED, "an answer that is known has {status}");
        Ok(())
    }

    /// The call as a URL.
    fn link(&self, envelope: &Envelope) -> Result<Url> {
        let fields = envelope.0.as_object().into_iter().flatten();
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        Ok(Url::parse_with_params(&self.url, fields.map(|(name, value)| (name, text(value))))?)
    }

    /// The whole text of an answer, which has to be a good one.
    pub(super) async fn text(&self, envelope: &Envelope) -> Result<String> {
        let response = self.send(envelope).await?;
        let status = response.status();
        let text = response.text().await?;
        ensure!(status == StatusCode::OK, "a measured call has failed: {status} {text}");
        Ok(text)
    }

    /// Calls again and again, until an answer is a good one.
    pub(super) async fn until_answered(&self, envelope: &Envelope) -> Result<Instant> {
        loop {
            let response = self.send(envelope).await?;
            let status = response.status();
            response.bytes().await?;
            if status == StatusCode::OK {
                return Ok(Instant::now());
            }
            ensure!(status == StatusCode::BAD_GATEWAY, "a measured call has failed: {status}");
        }
    }

    /// The first bytes of a streamed answer, and the rest, which ends when it is dropped.
    pub(super) async fn first_chunk(&self, envelope: &Envelope) -> Result<Response> {
        let mut response = self.send(envelope).await?.error_for_status()?;
        response.chunk().await?.context("a stream has no chunk")?;
        Ok(response)
    }

    /// Reads a body to its end; how many bytes it has.
    pub(super) async fn drain(response: Response) -> Result<usize> {
        let mut response = response.error_for_status()?;
        let mut bytes = 0;
        while let Some(chunk) = response.chunk().await? {
            bytes += chunk.len();
        }
        Ok(bytes)
    }
}
