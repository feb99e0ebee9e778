//! The executor of one thread of the front: it finds the dispatcher of the pool that a call belongs to.

use std::cell::RefCell;
use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::rc::Rc;
use std::sync::Arc;

use clru::CLruCache;
use futures_util::future::join_all;
use owt_core::stats::Stats;
use owt_core::{
    BodyStream, Call, CallGuard, CallInfo, Code, Control, Digest, Error, Executor, Failure, Health,
    Reply,
};
use serde_json::Value;
use tokio::sync::mpsc::UnboundedReceiver;

use super::environments::{Change, EnvironmentPool, Environments, LeasedPool};
use super::gate::Lease;
use super::plan::{Plan, plan};
use crate::config::Dependencies;
use crate::dispatch::{Dispatcher, ReplyStream};
use crate::environment::{Key, Spec};

/// How many plans a thread remembers.
const MAX_PLANS: NonZeroUsize = NonZeroUsize::new(4096).unwrap();

/// Sends the calls of one thread of the front to the pools that they belong to.
pub(crate) struct Router {
    own: Rc<Dispatcher>,
    environments: Arc<Environments>,
    plans: RefCell<CLruCache<Digest, Plan, foldhash::fast::RandomState>>,
    pools: RefCell<HashMap<Key, ThreadPool>>,
}

/// The pool of an environment, and its dispatcher on this thread.
#[derive(Clone)]
struct ThreadPool {
    pool: Arc<EnvironmentPool>,
    dispatcher: Rc<Dispatcher>,
}

impl Router {
    /// On this thread's own loop.
    ///
    /// # Panics
    /// When there are more threads than the keeper was made for.
    pub(crate) fn start(own: Rc<Dispatcher>, environments: Arc<Environments>) -> Rc<Self> {
        let inbox = environments.inboxes.lock().pop().expect("there is an inbox for each thread");
        let plans = RefCell::new(CLruCache::with_hasher(MAX_PLANS, Default::default()));
        let this = Rc::new(Self { own, environments, plans, pools: RefCell::default() });
        let listening = this.clone();
        tokio::task::spawn_local(async move { listening.listen(inbox).await });
        this
    }

    async fn listen(self: Rc<Self>, mut inbox: UnboundedReceiver<Change>) {
        while let Some(change) = inbox.recv().await {
            self.follow(&change);
        }
    }

    pub(super) fn follow(&self, change: &Change) {
        match change {
            Change::Added(pool) if pool.gate.is_open() => drop(self.thread_pool(pool)),
            // Late news: the next pool of this environment may be here already.
            Change::Added(_) => {}
            Change::Ended(pool) => self.end(pool),
        }
    }

    /// The pool must be open: then there is none that is newer, and it is started once on this thread. Its
    /// first call may come before the news of it.
    fn thread_pool(&self, pool: &Arc<EnvironmentPool>) -> ThreadPool {
        let pools = &mut *self.pools.borrow_mut();
        match pools.get(&pool.key).filter(|found| Arc::ptr_eq(&found.pool, pool)) {
            Some(found) => found.clone(),
            None => {
                let dispatcher = pool.dispatchers.start_beside(&self.own);
                let added = ThreadPool { pool: pool.clone(), dispatcher };
                // One that is still here has ended, and its end is on its way.
                if let Some(before) = pools.insert(pool.key, added.clone()) {
                    before.dispatcher.stop();
                }
                added
            }
        }
    }

    fn end(&self, pool: &Arc<EnvironmentPool>) {
        let pools = &mut *self.pools.borrow_mut();
        if pools.get(&pool.key).is_some_and(|found| Arc::ptr_eq(&found.pool, pool))
            && let Some(ended) = pools.remove(&pool.key)
        {
            ended.dispatcher.stop();
        }
    }

    fn plan(&self, call: &Call) -> Result<Plan, Error> {
        let Environments { mode, base, .. } = &*self.environments;
        if *mode == Dependencies::Off {
            return Ok(Plan::Own);
        }
        let digest = call.code.digest();
        if let Some(plan) = self.plans.borrow_mut().get(&digest) {
            return Ok(plan.clone());
        }
        let source = self.own.source_of(&call.code)?;
        let plan = plan(&source, None, *mode, base);
        self.plans.borrow_mut().put(digest, plan.clone());
        Ok(plan)
    }

    /// The pool of an environment, for one call.
    pub(super) async fn leased(
        &self,
        key: Key,
        spec: &Arc<Spec>,
    ) -> Result<(Rc<Dispatcher>, Lease), Error> {
        let found = self.pools.borrow().get(&key).cloned();
        if let Some(found) = found
            && let Some(lease) = found.pool.gate.enter()
        {
            return Ok((found.dispatcher, lease));
        }
        let LeasedPool { pool, lease } = self.environments.pool(key, spec.clone()).await?;
        Ok((self.thread_pool(&pool).dispatcher, lease))
    }

    async fn execute_in(
        &self,
        (key, spec): (Key, Arc<Spec>),
        call: Call,
        rest: Option<BodyStream>,
        guard: CallGuard,
    ) -> Result<Reply<ReplyStream>, Failure> {
        let (dispatcher, lease) = self.leased(key, &spec).await?;
        dispatcher.execute(call, rest, CallGuard::new((guard, lease))).await
    }

    fn dispatchers(&self) -> Vec<Rc<Dispatcher>> {
        let pools = self.pools.borrow();
        let others = pools.values().map(|pool| pool.dispatcher.clone());
        [self.own.clone()].into_iter().chain(others).collect()
    }
}

impl Executor for Router {
    type Stream = ReplyStream;

    async fn execute(
        &self,
        call: Call,
        rest: Option<BodyStream>,
        guard: CallGuard,
    ) -> Result<Reply<ReplyStream>, Failure> {
        match self.plan(&call)? {
            Plan::Own => self.own.execute(call, rest, guard).await,
            Plan::Refused(err) => Err(err.into()),
            // On the heap, so that other calls do not carry its size around.
            Plan::Environment(key, spec) => {
                Box::pin(self.execute_in((key, spec), call, rest, guard)).await
            }
        }
    }
}

impl Control for Router {
    async fn calls(&self) -> Vec<CallInfo> {
        let dispatchers = self.dispatchers();
        let lists = join_all(dispatchers.iter().map(|dispatcher| dispatcher.calls())).await;
        let mut calls = lists.concat();
        calls.sort_by(|one, other| other.age.total_cmp(&one.age));
        calls
    }

    async fn cancel(&self, id: &str) -> bool {
        let dispatchers = self.dispatchers();
        let cancelled = join_all(dispatchers.iter().map(|dispatcher| dispatcher.cancel(id))).await;
        cancelled.contains(&true)
    }

    async fn adaptors(&self) -> Vec<Value> {
        let dispatchers = self.dispatchers();
        join_all(dispatchers.iter().map(|dispatcher| dispatcher.adaptors())).await.concat()
    }

    fn environments(&self) -> Vec<Value> {
        self.environments.to_json()
    }

    fn remember(&self, code: &Code) {
        self.own.remember(code);
    }

    fn source(&self, digest: Digest) -> Option<Arc<str>> {
        self.own.source(digest)
    }

    fn forget(&self, digest: Digest) -> bool {
        self.plans.borrow_mut().pop(&digest);
        // They know the same sources: the first one forgets them.
        let known = self.dispatchers().iter().map(|pool| pool.forget(digest)).collect::<Vec<_>>();
        known.contains(&true)
    }

    fn health(&self) -> Health {
        self.own.health()
    }

    /// Its workers are those of the server's own pool; calls and events are counted together.
    async fn stats(&self) -> Stats {
        self.own.stats().await
    }
}
