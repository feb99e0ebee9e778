//! What members are asked besides calls: how they are, what they have loaded, which calls run.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use http_body_util::{BodyExt as _, Limited};
use hyper::StatusCode;
use owt_core::stats::{CallStats, MemberStats};
use owt_core::{CallInfo, CallState, Digest, Health, ProgressStream};
use serde::Deserialize;
use serde_json::Value;
use tokio::time::timeout;

use super::access::MembersAccess;
use super::connections::{Busy, Connections, SendError, words};
use super::executor::MembersExecutor;
use super::member::Member;
use super::outgoing::plain;

/// How long a member may take to say something; who asks waits for it.
const PATIENCE: Duration = Duration::from_secs(1);

/// The most bytes of such an answer.
const MAX_ANSWER: usize = 16 << 20;

/// An answer that is JSON, with its status.
pub(super) async fn ask(
    (connections, access): (&Rc<Connections>, &MembersAccess),
    member: &Member,
    (method, path): (&str, &str),
) -> Result<(StatusCode, Value), SendError> {
    let request = plain(method, path, member, access);
    let (response, busy) = connections.send(member, request).await?;
    let status = response.status();
    let body = Limited::new(response.into_body(), MAX_ANSWER).collect().await;
    let body = body.map_err(|err| SendError::Lost(words(&*err)))?.to_bytes();
    busy.into_iter().for_each(Busy::release);
    Ok((status, serde_json::from_slice(&body).unwrap_or_default()))
}

impl MembersExecutor {
    /// The lists that members give, each with its member; a member that does not answer soon is left out.
    async fn lists(&self, path: &str) -> Vec<(Arc<str>, Vec<Value>)> {
        let members = self.pool.members();
        let open = members.iter().filter(|member| member.is_open().is_ok());
        let asked = open.map(async |member| {
            let at = (&self.connections, &self.pool.access);
            let answer = timeout(PATIENCE, ask(at, member, ("GET", path))).await;
            let (_, answer) = answer.ok()?.ok()?;
            let Value::Array(rows) = answer else { return None };
            Some((member.name.clone(), rows))
        });
        join_all(asked).await.into_iter().flatten().collect()
    }

    /// The rows that members give, each with its pool and its member.
    async fn rows(&self, path: &str) -> Vec<Value> {
        let lists = self.lists(path).await.into_iter();
        let rows = lists.flat_map(|(member, rows)| {
            let pool = self.pool.name.clone();
            rows.into_iter().map(move |mut row| {
                row["pool"] = Value::from(&*pool);
                row["member"] = Value::from(&*member);
                row
            })
        });
        rows.collect()
    }

    pub(crate) async fn adaptors(&self) -> Vec<Value> {
        self.rows("/_owt/adaptors").await
    }

    pub(crate) async fn environments(&self) -> Vec<Value> {
        self.rows("/_owt/environments").await
    }

    /// The calls of this pool. How far each has come, its member says; and which of those that are over here
    /// still hold something up there.
    pub(crate) async fn calls(&self) -> Vec<CallInfo> {
        let mut calls = self.pool.calls.list();
        let lists = self.lists("/_owt/calls").await;
        let rows = lists.iter().flat_map(|(_, rows)| rows);
        let rows: Vec<_> = rows.filter_map(|row| CallRow::deserialize(row).ok()).collect();
        let states: HashMap<&str, CallState> =
            rows.iter().map(|row| (&*row.id, row.state)).collect();
        for call in calls.iter_mut().filter(|call| call.state == CallState::Unknown) {
            call.state = states.get(&*call.id).copied().unwrap_or(CallState::Unknown);
        }
        let abandoned = rows.into_iter().filter(|row| row.state == CallState::Abandoned);
        calls.extend(abandoned.map(|row| row.into_info(self.pool.name.clone())));
        calls
    }

    pub(crate) fn cancel(&self, id: &str) -> bool {
        self.pool.calls.cancel(id)
    }

    pub(crate) fn progress(&self, id: &str) -> Option<ProgressStream> {
        self.pool.calls.progress(id)
    }

    /// Has all members forget an adaptor, in the background.
    pub(crate) fn forget(&self, digest: Digest) {
        for member in self.pool.members().iter() {
            let (member, connections) = (member.clone(), self.connections.clone());
            let access = self.pool.access.clone();
            tokio::task::spawn_local(async move {
                let path = format!("/_owt/adaptors/{digest}");
                let request = ask((&connections, &access), &member, ("DELETE", &path));
                drop(timeout(PATIENCE, request).await);
            });
        }
    }

    pub(crate) fn health(&self) -> Health {
        let (pool, reason) = self.pool.health();
        Health { alive: pool.alive, total: pool.total, reason, pools: vec![pool] }
    }

    pub(crate) fn counted(&self) -> (CallStats, Vec<MemberStats>) {
        self.pool.counted()
    }
}

/// A call as a member lists it.
#[derive(Deserialize)]
struct CallRow {
    id: String,
    digest: Digest,
    method: String,
    path: String,
    remote_addr: String,
    state: CallState,
    age: f64,
}

impl CallRow {
    fn into_info(self, pool: Arc<str>) -> CallInfo {
        let Self { id, digest, method, path, remote_addr, state, age } = self;
        CallInfo { id, digest, method, path, remote_addr, pool, state, age, progress: None }
    }
}
