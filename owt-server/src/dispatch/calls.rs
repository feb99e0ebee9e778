//! The [`Control`] over all calls and workers: listed, cancelled, counted, whichever thread they are in.

use std::collections::HashSet;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use owt_core::stats::{CallStats, Stats};
use owt_core::{CallInfo, CallState, Code, Control, Digest, Health};
use serde_json::Value;
use tokio::time::timeout;

use super::cancellation::CancelReason;
use super::connection::Connection;
use super::context::CallContext;
use super::dispatcher::Dispatcher;
use super::pending::Outcome;
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

    /// A worker that does not answer soon is left out: it is the busy one that somebody wants to
    /// look at.
    async fn adaptors(&self) -> Vec<Value> {
        let connections = self.connections.present();
        let asked = connections.iter().map(|worker| timeout(LIST_TIMEOUT, worker.ask(Kind::List)));
        let answers = join_all(asked).await.into_iter();
        let lists = answers.filter_map(|answer| match answer {
            Ok(Outcome::Head(_, list)) => serde_json::from_slice::<Vec<Value>>(&list).ok(),
            _ => None,
        });
        lists.flatten().collect()
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
        let (events, mut workers) = self.shared.pool.stats();
        for (worker, admission) in workers.iter_mut().zip(&self.shared.admission) {
            worker.calls = admission.calls();
        }
        Stats { calls, workers, events }
    }
}

impl Dispatcher {
    /// The calls of this thread.
    async fn own_calls(&self) -> Vec<CallInfo> {
        join_all(self.connections.all().iter().map(calls_at)).await.concat()
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
