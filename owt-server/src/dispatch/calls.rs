//! The [`Control`] over all calls and workers: listed, cancelled, counted, whichever thread they are in.

use std::collections::HashSet;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use owt_core::stats::{CallStats, Stats, WorkerStats};
use owt_core::{CallInfo, CallState, Code, Control, Digest, Health, ProgressStream};
use serde_json::Value;
use tokio::time::timeout;

use super::cancellation::CancelReason;
use super::connection::Connection;
use super::context::CallContext;
use super::dispatcher::Dispatcher;
use super::pending::Outcome;
use crate::pool::{self, UsedAdaptor};
use crate::reports::{self, Reports};
use owt_common::wire::Kind;

/// How long a worker may take to say what it has loaded.
const LIST_TIMEOUT: Duration = Duration::from_secs(1);

/// How long a worker may take to say which calls it has begun.
const BEGUN_TIMEOUT: Duration = Duration::from_millis(500);

impl Control for Dispatcher {
    async fn calls(&self) -> Vec<CallInfo> {
        let lists =
            self.broadcast.ask_all(|dispatcher| async move { dispatcher.own_calls().await });
        let mut calls: Vec<_> = lists.await.into_iter().flatten().collect();
        calls.sort_by(|one, other| other.age.total_cmp(&one.age));
        calls
    }

    async fn cancel(&self, id: &str) -> bool {
        let id = id.to_owned();
        let cancel = move |dispatcher: Rc<Dispatcher>| {
            let cancelled = dispatcher.cancel_where(|call| call.id == id, CancelReason::Cancelled);
            async move { cancelled > 0 }
        };
        self.broadcast.ask_all(cancel).await.contains(&true)
    }

    async fn progress(&self, id: &str) -> Option<ProgressStream> {
        let id = id.to_owned();
        let follow = move |dispatcher: Rc<Dispatcher>| {
            let reports = dispatcher.follow(&id);
            async move { reports }
        };
        self.broadcast.ask_all(follow).await.into_iter().flatten().next().map(reports::stream)
    }

    /// A worker that does not answer soon is left out: it is the busy one that somebody wants to
    /// look at.
    async fn adaptors(&self) -> Vec<Value> {
        let connections = self.connections.present();
        let pool = &self.shared.pool;
        let rows = connections.iter().enumerate().map(async |(number, worker)| {
            let loaded = loaded_at(worker).await;
            let used = pool.adaptors(number);
            loaded.into_iter().map(|row| row_of(row, pool, number, &used)).collect::<Vec<_>>()
        });
        join_all(rows).await.concat()
    }

    fn remember(&self, code: &Code) {
        self.shared.sources.remember(code);
    }

    fn source(&self, digest: Digest) -> Option<Arc<str>> {
        self.shared.sources.get(digest)
    }

    fn forget(&self, digest: Digest) -> bool {
        for connection in self.connections.all() {
            connection.push(Kind::Forget, 0, &digest.0);
        }
        self.shared.sources.remove(digest)
    }

    fn health(&self) -> Health {
        self.shared.pool.health()
    }

    async fn stats(&self) -> Stats {
        let counted =
            self.broadcast.ask_all(|dispatcher| async move { dispatcher.stats.borrow().clone() });
        let mut calls = CallStats::default();
        counted.await.iter().for_each(|stats| calls += stats);
        Stats {
            calls,
            workers: self.workers(),
            events: self.shared.pool.events(),
            gpus: Vec::new(),
            members: Vec::new(),
        }
    }
}

impl Dispatcher {
    /// The workers, with the calls that are there.
    pub(crate) fn workers(&self) -> Vec<WorkerStats> {
        let mut workers = self.shared.pool.workers();
        for (worker, admission) in workers.iter_mut().zip(&self.shared.admission) {
            worker.calls = admission.calls();
        }
        workers
    }

    /// The calls of this thread.
    async fn own_calls(&self) -> Vec<CallInfo> {
        join_all(self.connections.all().iter().map(calls_at)).await.concat()
    }

    /// Where the reports of a call of this thread are read.
    fn follow(&self, id: &str) -> Option<Reports> {
        let connections = self.connections.all();
        let mut calls = connections.iter().flat_map(|connection| connection.calls());
        calls.find_map(|(_, pending)| {
            let context = pending.context.as_ref().filter(|context| context.id == id)?;
            Some(context.reported.follow())
        })
    }

    /// Cancels each call of this thread of which `is_meant` is true; how many there were.
    pub(super) fn cancel_where(
        &self,
        is_meant: impl Fn(&CallContext) -> bool,
        reason: CancelReason,
    ) -> usize {
        let mut cancelled = 0;
        for connection in self.connections.all() {
            for (id, pending) in connection.calls() {
                if pending.context.as_ref().is_some_and(&is_meant) {
                    reason.error().into_iter().for_each(|err| pending.fail(err));
                    connection.cancel(id, reason);
                    cancelled += 1;
                }
            }
        }
        cancelled
    }
}

/// What a worker has loaded; nothing if it does not say.
async fn loaded_at(connection: &Rc<Connection>) -> Vec<Value> {
    match timeout(LIST_TIMEOUT, connection.ask(Kind::List)).await {
        Ok(Outcome::Head(_, list)) => serde_json::from_slice(&list).unwrap_or_default(),
        _ => Vec::new(),
    }
}

/// An adaptor as its worker describes it, with what is known of it here.
fn row_of(mut row: Value, pool: &pool::Shared, worker: usize, used: &[UsedAdaptor]) -> Value {
    row["pool"] = Value::from(&*pool.profile.name);
    row["worker"] = Value::from(pool.name(worker));
    let digest: Option<Digest> = row["digest"].as_str().and_then(|text| text.parse().ok());
    if let Some(used) = used.iter().find(|used| Some(used.digest) == digest) {
        row["name"] = Value::from(used.name.as_deref());
        row["idle"] = Value::from(used.idle.as_secs_f64());
        row["keep_alive"] = Value::from(used.keep.to_string());
    }
    row
}

/// The calls that this thread has at one worker.
async fn calls_at(connection: &Rc<Connection>) -> Vec<CallInfo> {
    let abandoned = connection.abandoned();
    let contexts = abandoned.iter().filter_map(|pending| pending.context.as_ref());
    let mut calls: Vec<_> = contexts.map(|call| call.info(CallState::Abandoned)).collect();
    if !connection.calls().is_empty() {
        calls.extend(open_at(connection).await);
    }
    calls
}

async fn open_at(connection: &Rc<Connection>) -> Vec<CallInfo> {
    let begun = begun(connection).await;
    let state = |id, is_streaming| match &begun {
        _ if is_streaming => CallState::Streaming,
        None => CallState::Unknown,
        Some(begun) if begun.contains(&id) => CallState::Running,
        Some(_) => CallState::Queued,
    };
    let calls = connection.calls().into_iter().filter_map(|(id, pending)| {
        let context = pending.context.as_ref()?;
        Some(context.info(state(id, pending.is_streaming())))
    });
    calls.collect()
}

/// The calls that a worker has begun; `None` if it does not say.
async fn begun(connection: &Rc<Connection>) -> Option<HashSet<u32>> {
    match timeout(BEGUN_TIMEOUT, connection.ask(Kind::Calls)).await {
        Ok(Outcome::Head(_, ids)) => {
            let ids = ids.as_chunks::<4>().0.iter();
            Some(ids.map(|id| u32::from_le_bytes(*id)).collect())
        }
        _ => None,
    }
}
