//! The calls that are at the workers, as operators see them: listed, and cancelled by their ids.

use std::collections::HashSet;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use owt_core::{Call, Digest, Error};
use serde::{Serialize, Serializer};
use tokio::time::timeout;

use super::claims::Claim;
use super::link::Link;
use super::pending::Outcome;
use super::{Links, Shared};
use crate::wire::Kind;

/// How long a worker may take to say which calls it has begun.
const BEGUN_LIMIT: Duration = Duration::from_millis(500);

/// One call, without anything that only its sender may know: source, arguments, query.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Listed {
    pub(crate) id: String,
    #[serde(serialize_with = "as_text")]
    pub(crate) digest: Digest,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) remote_addr: String,
    pub(crate) state: CallState,
    /// Seconds since it came to the pool.
    pub(crate) age: f64,
}

/// How far a call has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum CallState {
    /// It waits until its worker has a thread for it.
    Queued,
    /// Its Python runs.
    Running,
    /// A part of its reply has been sent.
    Streaming,
    /// It was cancelled, and still waits for something that cannot be interrupted. Nobody waits for it.
    Abandoned,
    /// Its worker is too busy to say: a call in it does not let go of the interpreter.
    Unknown,
}

/// What is told of a call while it is at a worker.
#[derive(Debug)]
pub(super) struct About {
    pub(super) id: String,
    pub(super) digest: Digest,
    method: String,
    path: String,
    remote_addr: String,
    came: Instant,
    /// Held for as long as anything of the call is left.
    _claim: Option<Arc<Claim>>,
}

impl About {
    pub(super) fn new(call: &Call, claim: Option<Arc<Claim>>, came: Instant) -> Self {
        let request = &call.request;
        Self {
            id: request.id.clone(),
            digest: call.code.digest(),
            method: request.method.clone(),
            path: request.path.clone(),
            remote_addr: request.remote_addr.clone(),
            came,
            _claim: claim,
        }
    }

    fn listed(&self, state: CallState) -> Listed {
        Listed {
            id: self.id.clone(),
            digest: self.digest,
            method: self.method.clone(),
            path: self.path.clone(),
            remote_addr: self.remote_addr.clone(),
            state,
            age: self.came.elapsed().as_secs_f64(),
        }
    }
}

impl Shared {
    /// The calls that are at the workers, the oldest first.
    pub(crate) async fn calls(&self) -> Vec<Listed> {
        let lists = self.ask_all(|links| async move { links.calls().await }).await;
        let mut calls: Vec<Listed> = lists.into_iter().flatten().collect();
        calls.sort_by(|one, other| other.age.total_cmp(&one.age));
        calls
    }

    /// Cancels the call with this id: its sender is told, and its Python interrupted. Whether there
    /// was one.
    pub(crate) async fn cancel(&self, id: &str) -> bool {
        let id = id.to_owned();
        let cancel = move |links: Rc<Links>| {
            let was_there = links.cancel(|about| about.id == id, &Error::Cancelled) > 0;
            async move { was_there }
        };
        self.ask_all(cancel).await.contains(&true)
    }
}

impl Links {
    async fn calls(&self) -> Vec<Listed> {
        join_all(self.lines.all().iter().map(calls_at)).await.concat()
    }

    /// Ends each call of which `is_meant` is true with an error; how many there were.
    pub(super) fn cancel(&self, is_meant: impl Fn(&About) -> bool, err: &Error) -> usize {
        let mut cancelled = 0;
        for link in self.lines.all() {
            for (number, pending) in link.calls() {
                if pending.about.as_ref().is_some_and(&is_meant) {
                    pending.fail(err.clone());
                    link.end_early(number, err.code());
                    cancelled += 1;
                }
            }
        }
        cancelled
    }
}

/// The calls that one thread of the front has at one worker.
async fn calls_at(link: &Rc<Link>) -> Vec<Listed> {
    let abandoned = link.abandoned();
    let abouts = abandoned.iter().filter_map(|pending| pending.about.as_ref());
    let mut listed: Vec<_> = abouts.map(|about| about.listed(CallState::Abandoned)).collect();
    if !link.calls().is_empty() {
        listed.extend(open_at(link).await);
    }
    listed
}

async fn open_at(link: &Rc<Link>) -> Vec<Listed> {
    let begun = begun(link).await;
    let state = |number, is_streaming| match &begun {
        _ if is_streaming => CallState::Streaming,
        None => CallState::Unknown,
        Some(begun) if begun.contains(&number) => CallState::Running,
        Some(_) => CallState::Queued,
    };
    let listed = link.calls().into_iter().filter_map(|(number, pending)| {
        let about = pending.about.as_ref()?;
        Some(about.listed(state(number, pending.is_streaming())))
    });
    listed.collect()
}

/// The numbers of the calls that a worker has begun; `None` if it does not say.
async fn begun(link: &Rc<Link>) -> Option<HashSet<u32>> {
    let answer = link.ask(Kind::Calls);
    match timeout(BEGUN_LIMIT, answer).await {
        Ok(Outcome::Head(_, numbers)) => {
            let numbers = numbers.as_chunks::<4>().0.iter();
            Some(numbers.map(|number| u32::from_le_bytes(*number)).collect())
        }
        _ => None,
    }
}

fn as_text<S: Serializer>(digest: &Digest, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(digest)
}
