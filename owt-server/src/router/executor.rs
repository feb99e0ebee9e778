//! The executor of one thread of the front: it finds the pool that a call belongs to.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use futures_util::future::join_all;
use owt_core::stats::{GpuStats, Stats};
use owt_core::{
    BodyStream, Call, CallGuard, CallInfo, Code, Control, DEFAULT_POOL, Digest, Error, Executor,
    Failure, Health, ProgressStream, Reply,
};
use serde_json::Value;

use super::named_pool::NamedPool;
use super::plan::{Plan, plan};
use super::plans::Plans;
use super::pool_executor::PoolExecutor;
use super::summary::summary;
use crate::dispatch::{Dispatcher, ReplyStream};
use crate::gpu::{self, Gpu};

/// Sends the calls of one thread of the front to the pools that they belong to.
pub(crate) struct Router {
    named: Vec<Arc<NamedPool>>,
    /// In the order of `named`.
    pools: Vec<Rc<PoolExecutor>>,
    plans: RefCell<Plans>,
}

impl Router {
    /// On this thread's own loop. The first pool is the default one.
    ///
    /// # Panics
    /// When there is no pool, or there are more threads than they were made for.
    pub(crate) fn start(named: Vec<Arc<NamedPool>>) -> Rc<Self> {
        let mut pools: Vec<Rc<PoolExecutor>> = Vec::new();
        for pool in &named {
            // They count together.
            let own = match pools.first() {
                None => pool.dispatchers.start(),
                Some(first) => pool.dispatchers.start_beside(&first.own),
            };
            pools.push(PoolExecutor::start(pool.name.clone(), own, pool.environments.clone()));
        }
        assert!(!pools.is_empty(), "there is a default pool");
        Rc::new(Self { named, pools, plans: RefCell::default() })
    }

    fn default_pool(&self) -> &Dispatcher {
        &self.pools[0].own
    }

    /// The number of the pool with this name.
    fn pool(&self, name: &str) -> Result<usize, Error> {
        let found = self.named.iter().position(|pool| &*pool.name == name);
        found.ok_or_else(|| {
            let known: Vec<&str> = self.named.iter().map(|pool| &*pool.name).collect();
            Error::PoolUnknown { name: name.into(), known: known.join(", ").into() }
        })
    }

    /// Where a call runs, which its code may say.
    fn plan(&self, call: &Call) -> Result<Plan, Error> {
        let named = call.pool.as_deref().map(|name| self.pool(name)).transpose()?;
        let lock = call.lock.as_deref().map(Digest::of);
        let key = (call.code.digest(), named, lock);
        if let Some(plan) = self.plans.borrow_mut().get(&key) {
            return Ok(plan.clone());
        }
        let source = self.default_pool().source_of(&call.code)?;
        let plan = plan(&source, call.lock.as_ref(), |pool| {
            let pool = named.map_or_else(|| self.pool(pool.unwrap_or(DEFAULT_POOL)), Ok)?;
            Ok((pool, &self.named[pool].environments))
        })?;
        self.plans.borrow_mut().insert(key, plan.clone());
        Ok(plan)
    }

    fn dispatchers(&self) -> Vec<Rc<Dispatcher>> {
        self.pools.iter().flat_map(|pool| pool.dispatchers()).collect()
    }
}

impl Executor for Router {
    type Stream = ReplyStream;

    async fn execute(
        &self,
        mut call: Call,
        rest: Option<BodyStream>,
        guard: CallGuard,
    ) -> Result<Reply<ReplyStream>, Failure> {
        let Plan { pool, keep_alive, place } = self.plan(&call)?;
        call.keep_alive = call.keep_alive.or(keep_alive);
        self.pools[pool].execute(place, call, rest, guard).await
    }
}

impl Control for Router {
    async fn calls(&self) -> Vec<CallInfo> {
        let dispatchers = self.dispatchers();
        let lists = join_all(dispatchers.iter().map(|dispatcher| dispatcher.calls())).await;
        let waiting = self.named.iter().flat_map(|pool| pool.environments.waiting.calls());
        let mut calls: Vec<_> = lists.into_iter().flatten().chain(waiting).collect();
        calls.sort_by(|one, other| other.age.total_cmp(&one.age));
        calls
    }

    async fn cancel(&self, id: &str) -> bool {
        if self.named.iter().any(|pool| pool.environments.waiting.cancel(id)) {
            return true;
        }
        let dispatchers = self.dispatchers();
        let cancelled = join_all(dispatchers.iter().map(|dispatcher| dispatcher.cancel(id))).await;
        cancelled.contains(&true)
    }

    async fn progress(&self, id: &str) -> Option<ProgressStream> {
        let dispatchers = self.dispatchers();
        let found = join_all(dispatchers.iter().map(|dispatcher| dispatcher.progress(id))).await;
        found.into_iter().flatten().next()
    }

    async fn adaptors(&self) -> Vec<Value> {
        let dispatchers = self.dispatchers();
        join_all(dispatchers.iter().map(|dispatcher| dispatcher.adaptors())).await.concat()
    }

    fn environments(&self) -> Vec<Value> {
        self.named.iter().flat_map(|pool| pool.environments.to_json(&pool.name)).collect()
    }

    async fn pools(&self) -> Vec<Value> {
        // Asking the driver of the GPUs may take a while.
        let gpus = tokio::task::spawn_blocking(gpu::installed).await.unwrap_or_default();
        let pools = self.named.iter().zip(&self.pools);
        pools.map(|(pool, executor)| summary(pool, executor, &gpus)).collect()
    }

    fn remember(&self, code: &Code) {
        self.default_pool().remember(code);
    }

    fn source(&self, digest: Digest) -> Option<Arc<str>> {
        self.default_pool().source(digest)
    }

    fn forget(&self, digest: Digest) -> bool {
        self.plans.borrow_mut().forget(digest);
        // They know the same sources: the first one forgets them.
        let known = self.dispatchers().iter().map(|pool| pool.forget(digest)).collect::<Vec<_>>();
        known.contains(&true)
    }

    /// Of the pools' own workers: those of an environment come and go.
    fn health(&self) -> Health {
        self.pools.iter().map(|pool| pool.own.health()).fold(Health::default(), |all, pool| {
            Health {
                alive: all.alive + pool.alive,
                total: all.total + pool.total,
                reason: all.reason.or(pool.reason),
                pools: [all.pools, pool.pools].concat(),
            }
        })
    }

    /// Calls and events are counted together.
    async fn stats(&self) -> Stats {
        let workers = self.dispatchers().iter().flat_map(|pool| pool.workers()).collect();
        let gpus = tokio::task::spawn_blocking(gpu::installed).await.unwrap_or_default();
        let gpus = gpus.iter().map(|Gpu { index, used, total, .. }| GpuStats {
            index: *index,
            used: *used,
            total: *total,
        });
        Stats { workers, gpus: gpus.collect(), ..self.default_pool().stats().await }
    }
}
