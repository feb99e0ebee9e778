//! Sending a call: its source, or the digest of source that the server has.

use owt_core::{Code, Digest, Envelope, base};
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Method, RequestBuilder};

use crate::call::{Content, Outgoing};
use crate::progress::Follower;
use crate::reply::REQUEST_ID;
use crate::{Client, Error, Reply, address};

const CODE_UNKNOWN: &str = "code-unknown";

impl Outgoing {
    /// Sends it, and follows its progress if that is wanted.
    pub(crate) async fn send(mut self, client: &Client) -> Result<Reply, Error> {
        if let Some(err) = self.error.take() {
            return Err(err);
        }
        let follower = self.follower(client)?;
        let reply = self.send_shortest(client).await?;
        Ok(reply.followed_by(follower))
    }

    /// What follows the call, under an id that is its own.
    fn follower(&mut self, client: &Client) -> Result<Option<Follower>, Error> {
        let Some(tell) = self.on_progress.take() else { return Ok(None) };
        let id = match self.headers.get(REQUEST_ID) {
            Some(chosen) => chosen.to_str().map_err(|_| Error::Header)?.to_owned(),
            None => {
                let made = request_id();
                self.headers.insert(REQUEST_ID, made.parse().map_err(|_| Error::Header)?);
                made
            }
        };
        Ok(Some(Follower::start(client.clone(), id, tell)))
    }

    /// Sends the digest if the server has the source, and the source if it has forgotten it.
    async fn send_shortest(self, client: &Client) -> Result<Reply, Error> {
        // Lets a single-threaded runtime notice first which connections the server has closed.
        tokio::task::yield_now().await;
        let code = self.envelope.code.clone();
        let digest = code.digest();
        if !client.sent_sources.has(digest) {
            return self.attempt(client, code).await;
        }
        if let Some(copy) = self.again() {
            return match copy.attempt(client, Code::Known(digest)).await {
                Err(err) if is_unknown(&err) => self.attempt(client, code).await,
                outcome => outcome,
            };
        }
        // A request that cannot be sent again brings the source along, if that is not too long.
        match self.fits(client)? {
            true => self.attempt(client, code).await,
            false => self.attempt(client, Code::Known(digest)).await,
        }
    }

    /// The same, if sending its body again costs nothing but its bytes.
    fn again(&self) -> Option<Outgoing> {
        let content = match &self.content {
            Content::None => Content::None,
            Content::Body(body) => Content::Body(body.again()?),
            Content::Form(form) if form.is_in_memory() => Content::Form(form.clone()),
            Content::Form(_) => return None,
        };
        Some(Outgoing {
            envelope: self.envelope.clone(),
            method: self.method.clone(),
            path: self.path.clone(),
            headers: self.headers.clone(),
            content,
            read_timeout: self.read_timeout,
            on_progress: None,
            error: None,
        })
    }

    /// Whether the source has room in the request.
    fn fits(&self, client: &Client) -> Result<bool, Error> {
        let url = address::join(&client.base, &self.path);
        match (&self.content, self.envelope.to_url(&url).map_err(Error::from)) {
            (Content::Form(_), _) | (_, Ok(_)) => Ok(true),
            (_, Err(Error::UrlTooLong)) => Ok(false),
            (_, Err(err)) => Err(err),
        }
    }

    /// Sends it once, with this code.
    async fn attempt(mut self, client: &Client, code: Code) -> Result<Reply, Error> {
        let (digest, read_timeout) = (code.digest(), self.read_timeout);
        self.envelope.code = code;
        let outcome = read_timeout
            .wait(async {
                let request = self.into_request(client).await?;
                request.send().await.map_err(Error::sending)
            })
            .await;
        let outcome = Reply::read(outcome?, read_timeout).await;
        note(client, digest, &outcome);
        outcome
    }

    async fn into_request(mut self, client: &Client) -> Result<RequestBuilder, Error> {
        let url = address::join(&client.base, &self.path);
        let envelope = std::mem::replace(&mut self.envelope, Envelope::new(Code::source("")));
        let (http, method) = (&client.http, self.method.clone());
        let request = match std::mem::replace(&mut self.content, Content::None) {
            Content::None if may_have_envelope(&method) => {
                let json = HeaderValue::from_static("application/json");
                self.headers.insert(CONTENT_TYPE, json);
                http.request(method, base::absolute(&url)?).body(envelope.to_json())
            }
            Content::None => http.request(method, envelope.to_url(&url)?),
            Content::Body(body) => {
                let url = envelope.to_url(&url)?;
                http.request(method, url).body(body.open(&mut self.headers).await?)
            }
            Content::Form(form) => {
                self.headers.remove(CONTENT_TYPE);
                let form = form.to_multipart(&envelope).await?;
                http.request(method, base::absolute(&url)?).multipart(form)
            }
        };
        Ok(client.authorized(request.headers(self.headers)))
    }
}

/// An id that nobody guesses: who knows it may cancel the call.
fn request_id() -> String {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the system has random numbers");
    format!("{:032x}", u128::from_ne_bytes(bytes))
}

/// Whether a request with this method may have a body that is not the adaptor's. RFC 9110 gives
/// none a meaning in the other methods, and proxies may drop it.
fn may_have_envelope(method: &Method) -> bool {
    [Method::POST, Method::PUT, Method::PATCH].contains(method)
}

/// Records whether the server has the source now.
fn note(client: &Client, digest: Digest, outcome: &Result<Reply, Error>) {
    match outcome {
        Ok(_) => client.sent_sources.insert(digest),
        Err(err) if is_unknown(err) => client.sent_sources.forget(digest),
        Err(_) => {}
    }
}

fn is_unknown(err: &Error) -> bool {
    matches!(err, Error::Server(err) if err.code == CODE_UNKNOWN)
}
