//! Who may call: users with their passwords, and tokens, which come from options and from a file.
//!
//! A password is checked only after a pause that grows with the failures of its address, whether it is
//! right or wrong: an answer that came at once only when right would let a guesser leave the wrong ones
//! early. Nobody is locked out, and a connection that has shown a password once does not wait again.

mod authorization;
mod caller;
mod connection;
mod credential;
mod failures;
mod known;
mod remembered;
mod secret;
mod token;

use std::path::PathBuf;
use std::sync::Arc;

use actix_web::http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use actix_web::web;
use owt_core::Error;
use tokio::sync::Semaphore;

use crate::watched_file::{FileError, WatchedFile};
use authorization::{Authorization, Login};
use failures::Failures;
use known::{Fingerprint, Known};
use remembered::Remembered;

pub(crate) use caller::Caller;
pub(crate) use connection::{Peer, Trust};
pub use credential::{Credential, Credentials, NotACredential};
pub use token::{NotAToken, Token};

/// How many Argon2id hashes are computed at a time; each takes 19 MiB with usual parameters.
const MAX_HASHING: usize = 2;

/// What a browser asks its user for.
const BASIC: HeaderValue = HeaderValue::from_static(r#"Basic realm="owt", charset="UTF-8""#);
const BEARER: HeaderValue = HeaderValue::from_static(r#"Bearer realm="owt""#);

/// Decides who calls, by `Authorization`.
#[derive(Debug)]
pub(crate) struct Auth {
    source: Source,
    failures: Failures,
    remembered: Remembered,
    hashing: Arc<Semaphore>,
}

/// Where those who may call are listed.
#[derive(Debug)]
enum Source {
    Options(Arc<Known>),
    OptionsAndFile(WatchedFile<Known>),
}

impl Auth {
    /// Those of the options, and those of a file, if there is one.
    ///
    /// # Errors
    /// When the file cannot be read, or has a line that is no credential.
    pub(crate) fn new(given: Vec<Credential>, file: Option<PathBuf>) -> Result<Self, FileError> {
        let source = match file {
            None => Source::Options(Arc::new(Known::new(given))),
            Some(path) => Source::OptionsAndFile(WatchedFile::open(path, move |text| {
                let listed = credential::parse_lines(text)?;
                Ok(Known::new(given.iter().cloned().chain(listed).collect()))
            })?),
        };
        let (failures, remembered) = (Failures::new(), Remembered::new());
        Ok(Self { source, failures, remembered, hashing: Arc::new(Semaphore::new(MAX_HASHING)) })
    }

    /// For tests: nobody is asked who they are.
    #[cfg(test)]
    pub(super) fn nobody() -> Self {
        Self::new(Vec::new(), None).expect("there is no file to read")
    }

    /// Whether callers have to say who they are.
    pub(super) fn is_required(&self) -> bool {
        match &self.source {
            Source::Options(known) => !known.is_empty(),
            Source::OptionsAndFile(_) => true,
        }
    }

    /// What to send, for those who sent nothing or something wrong (RFC 9110, section 11.6.1).
    pub(super) fn challenges(&self) -> impl Iterator<Item = HeaderValue> + use<> {
        let known = self.source.last();
        let basic = known.has_users().then_some(BASIC);
        basic.into_iter().chain(known.has_tokens().then_some(BEARER))
    }

    /// Says who calls.
    pub(super) async fn identify(
        &self,
        headers: &HeaderMap,
        peer: Peer<'_>,
    ) -> Result<Caller, Error> {
        if !self.is_required() {
            return Ok(Caller::Anybody);
        }
        let value = only(headers).ok_or(Error::AuthRequired)?;
        let known = self.source.current().await;
        let fingerprint = known.fingerprint(value.as_bytes());
        if let Some(caller) = peer.trusted(&fingerprint) {
            return Ok(caller);
        }
        let authorization = Authorization::parse(value).ok_or(Error::AuthRequired)?;
        let caller = self.verify(known, authorization, value, peer).await?;
        peer.trust(fingerprint, caller);
        Ok(caller)
    }

    async fn verify(
        &self,
        mut known: Arc<Known>,
        authorization: Authorization,
        value: &HeaderValue,
        peer: Peer<'_>,
    ) -> Result<Caller, Error> {
        if let Authorization::Password(_) = authorization {
            self.failures.pause(peer.address).await;
        }
        loop {
            let fingerprint = known.fingerprint(value.as_bytes());
            if self.is_right(&known, &authorization, fingerprint, peer).await {
                return Ok(authorization.caller());
            }
            match self.source.newer(&known).await {
                Some(newer) => known = newer,
                None => {
                    self.failures.count(peer.address, fingerprint);
                    break;
                }
            }
        }
        if let Authorization::Token(_) = authorization {
            // Nobody guesses a token, so a right one never waits.
            self.failures.pause(peer.address).await;
        }
        Err(Error::AuthRequired)
    }

    async fn is_right(
        &self,
        known: &Arc<Known>,
        authorization: &Authorization,
        fingerprint: Fingerprint,
        peer: Peer<'_>,
    ) -> bool {
        match authorization {
            Authorization::Token(token) => known.has_token(token),
            Authorization::Password(login) => {
                !self.failures.is_last(peer.address, &fingerprint)
                    && self.is_password(known, login, fingerprint).await
            }
        }
    }

    async fn is_password(&self, known: &Arc<Known>, login: &Login, print: Fingerprint) -> bool {
        let Some(user) = known.user(&login.user) else { return false };
        if !known.is_slow(user) {
            return known.is_password(user, &login.password);
        }
        if self.remembered.has(&print) {
            return true;
        }
        let Ok(permit) = self.hashing.clone().acquire_owned().await else { return false };
        let (known, password) = (known.clone(), login.password.clone());
        let check = move || {
            let is_right = known.is_password(user, &password);
            // Held to the end, even if the client does not wait for it.
            drop(permit);
            is_right
        };
        let is_right = web::block(check).await.unwrap_or(false);
        if is_right {
            self.remembered.insert(print);
        }
        is_right
    }
}

impl Source {
    async fn current(&self) -> Arc<Known> {
        match self {
            Source::Options(known) => known.clone(),
            Source::OptionsAndFile(file) => file.current().await,
        }
    }

    /// As it was read last.
    fn last(&self) -> Arc<Known> {
        match self {
            Source::Options(known) => known.clone(),
            Source::OptionsAndFile(file) => file.last(),
        }
    }

    /// What has replaced `known` by now.
    async fn newer(&self, known: &Arc<Known>) -> Option<Arc<Known>> {
        match self {
            Source::Options(_) => None,
            Source::OptionsAndFile(file) => file.newer(known).await,
        }
    }
}

/// The value of `Authorization`, unless there are several.
fn only(headers: &HeaderMap) -> Option<&HeaderValue> {
    let mut values = headers.get_all(AUTHORIZATION);
    values.next().filter(|_| values.next().is_none())
}

#[cfg(test)]
mod tests;
