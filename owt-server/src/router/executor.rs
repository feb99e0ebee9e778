//! The executor of one thread of the front: it finds the pool that a call belongs to.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use futures_util::future::{Either, join_all};
use owt_core::stats::{GpuStats, Stats};
use owt_core::{
    BodyStream, Call, CallGuard, CallInfo, Code, Control, DEFAULT_POOL, Digest, Error, Executor,
    Failure, Health, ProgressStream, Reply, ReplyBody,
};
use serde_json::Value;

use super::named_pool::AnyPool;
use super::plan::{Plan, plan};
use super::plans::Plans;
use super::pool_executor::PoolExecutor;
use super::summary::summary;
use crate::dispatch::{Dispatcher, ReplyStream};
use crate::gpu::{self, Gpu};
use crate::members::{MemberStream, MembersExecutor};
use crate::sources::Sources;

/// Sends the calls of one thread of the front to the pools that they belong to.
pub(crate) struct Router {
    named: Vec<AnyPool>,
    /// In the order of `named`.
    pools: Vec<ThreadPool>,
    sources: Arc<Sources>,
    plans: RefCell<Plans>,
}

/// What runs the calls of one pool that come through one thread.
enum ThreadPool {
    Workers(Rc<PoolExecutor>),
    Members(Rc<MembersExecutor>),
}

impl Router {
    /// On this thread's own loop. The first pool is the default one.
    ///
    /// # Panics
    /// When there is no pool, or there are more threads than they were made for.
    pub(crate) fn start(named: Vec<AnyPool>, sources: Arc<Sources>) -> Rc<Self> {
        assert!(!named.is_empty(), "there is a default pool");
        let mut first: Option<Rc<Dispatcher>> = None;
        let pools = named.iter().map(|pool| match pool {
            AnyPool::Members(pool) => ThreadPool::Members(MembersExecutor::start(pool.clone())),
            AnyPool::Workers(pool) => {
                // They count together.
                let own = match &first {
                    None => pool.dispatchers.start(),
                    Some(first) => pool.dispatchers.start_beside(first),
                };
                first.get_or_insert_with(|| own.clone());
                let (name, environments) = (pool.name.clone(), pool.environments.clone());
                ThreadPool::Workers(PoolExecutor::start(name, own, environments))
            }
        });
        let pools = pools.collect();
        Rc::new(Self { named, pools, sources, plans: RefCell::default() })
    }

    /// The number of the pool with this name.
    fn pool(&self, name: &str) -> Result<usize, Error> {
        let found = self.named.iter().position(|pool| &**pool.name() == name);
        found.ok_or_else(|| {
            let known: Vec<&str> = self.named.iter().map(|pool| &**pool.name()).collect();
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
        let source = self.sources.of(&call.code)?;
        let plan = plan(&source, call.lock.as_ref(), |pool| {
            let pool = named.map_or_else(|| self.pool(pool.unwrap_or(DEFAULT_POOL)), Ok)?;
            Ok((pool, self.named[pool].environments()))
        })?;
        self.plans.borrow_mut().insert(key, plan.clone());
        Ok(plan)
    }

    fn workers(&self) -> impl Iterator<Item = &Rc<PoolExecutor>> {
        self.pools.iter().filter_map(|pool| match pool {
            ThreadPool::Workers(pool) => Some(pool),
            ThreadPool::Members(_) => None,
        })
    }

    fn members(&self) -> impl Iterator<Item = &Rc<MembersExecutor>> {
        self.pools.iter().filter_map(|pool| match pool {
            ThreadPool::Workers(_) => None,
            ThreadPool::Members(pool) => Some(pool),
        })
    }

    fn dispatchers(&self) -> Vec<Rc<Dispatcher>> {
        self.workers().flat_map(|pool| pool.dispatchers()).collect()
    }
}

impl Executor for Router {
    type Stream = Either<ReplyStream, MemberStream>;

    async fn execute(
        &self,
        mut call: Box<Call>,
        rest: Option<BodyStream>,
        guard: CallGuard,
    ) -> Result<Reply<Self::Stream>, Failure> {
        let Plan { pool, keep_alive, place } = self.plan(&call)?;
        call.keep_alive = call.keep_alive.or(keep_alive);
        match &self.pools[pool] {
            ThreadPool::Workers(pool) => {
                let reply = pool.execute(place, call, rest, guard).await?;
                Ok(with_stream(reply, Either::Left))
            }
            // On the heap, so that other calls do not carry its size around.
            ThreadPool::Members(pool) => {
                let reply = Box::pin(pool.execute(call, rest, guard)).await?;
                Ok(with_stream(reply, Either::Right))
            }
        }
    }
}

/// A reply with its stream as that of any pool.
fn with_stream<S, T>(Reply { head, body }: Reply<S>, of: impl Fn(S) -> T) -> Reply<T> {
    let body = match body {
        ReplyBody::Whole(bytes) => ReplyBody::Whole(bytes),
        ReplyBody::Stream(stream) => ReplyBody::Stream(of(stream)),
    };
    Reply { head, body }
}

impl Control for Router {
    async fn calls(&self) -> Vec<CallInfo> {
        let dispatchers = self.dispatchers();
        let own = join_all(dispatchers.iter().map(|dispatcher| dispatcher.calls())).await;
        let elsewhere = join_all(self.members().map(|pool| pool.calls())).await;
        let environments = self.named.iter().filter_map(AnyPool::environments);
        let waiting = environments.flat_map(|environments| environments.waiting.calls());
        let mut calls: Vec<_> = own.into_iter().chain(elsewhere).flatten().chain(waiting).collect();
        calls.sort_by(|one, other| other.age.total_cmp(&one.age));
        calls
    }

    async fn cancel(&self, id: &str) -> bool {
        let mut environments = self.named.iter().filter_map(AnyPool::environments);
        if environments.any(|environments| environments.waiting.cancel(id))
            || self.members().any(|pool| pool.cancel(id))
        {
            return true;
        }
        let dispatchers = self.dispatchers();
        let cancelled = join_all(dispatchers.iter().map(|dispatcher| dispatcher.cancel(id))).await;
        cancelled.contains(&true)
    }

    async fn progress(&self, id: &str) -> Option<ProgressStream> {
        if let Some(found) = self.members().find_map(|pool| pool.progress(id)) {
            return Some(found);
        }
        let dispatchers = self.dispatchers();
        let found = join_all(dispatchers.iter().map(|dispatcher| dispatcher.progress(id))).await;
        found.into_iter().flatten().next()
    }

    async fn adaptors(&self) -> Vec<Value> {
        let dispatchers = self.dispatchers();
        let own = join_all(dispatchers.iter().map(|dispatcher| dispatcher.adaptors())).await;
        let elsewhere = join_all(self.members().map(|pool| pool.adaptors())).await;
        own.into_iter().chain(elsewhere).flatten().collect()
    }

    async fn environments(&self) -> Vec<Value> {
        let of_pool = |pool: &AnyPool| Some(pool.environments()?.to_json(pool.name()));
        let own = self.named.iter().filter_map(of_pool).flatten().collect::<Vec<_>>();
        let elsewhere = join_all(self.members().map(|pool| pool.environments())).await;
        own.into_iter().chain(elsewhere.into_iter().flatten()).collect()
    }

    async fn pools(&self) -> Vec<Value> {
        // Asking the driver of the GPUs may take a while.
        let gpus = tokio::task::spawn_blocking(gpu::installed).await.unwrap_or_default();
        let pools = self.named.iter().zip(&self.pools).map(|pools| match pools {
            (AnyPool::Workers(pool), ThreadPool::Workers(executor)) => {
                summary(pool, executor, &gpus)
            }
            (AnyPool::Members(pool), _) => pool.summary(),
            (AnyPool::Workers(_), ThreadPool::Members(_)) => {
                unreachable!("one is made of the other")
            }
        });
        pools.collect()
    }

    fn has_pool(&self, name: &str) -> bool {
        self.pool(name).is_ok()
    }

    fn remember(&self, code: &Code) {
        self.sources.remember(code);
    }

    fn source(&self, digest: Digest) -> Option<Arc<str>> {
        self.sources.get(digest)
    }

    fn forget(&self, digest: Digest) -> bool {
        self.plans.borrow_mut().forget(digest);
        let is_known = self.sources.remove(digest);
        for pool in self.dispatchers() {
            pool.forget(digest);
        }
        self.members().for_each(|pool| pool.forget(digest));
        is_known
    }

    /// Of the pools' own workers, and of members: workers of an environment come and go.
    fn health(&self) -> Health {
        let pools = self.named.iter().zip(&self.pools).map(|pools| match pools {
            (_, ThreadPool::Workers(pool)) => pool.own.health(),
            (_, ThreadPool::Members(pool)) => pool.health(),
        });
        pools.fold(Health::default(), |all, pool| Health {
            alive: all.alive + pool.alive,
            total: all.total + pool.total,
            reason: all.reason.or(pool.reason),
            pools: [all.pools, pool.pools].concat(),
        })
    }

    /// Calls and events of all workers are counted together.
    async fn stats(&self) -> Stats {
        let gpus = tokio::task::spawn_blocking(gpu::installed).await.unwrap_or_default();
        let gpus = gpus.iter().map(|Gpu { index, used, total, .. }| GpuStats {
            index: *index,
            used: *used,
            total: *total,
        });
        let mut stats = match self.workers().next() {
            Some(first) => first.own.stats().await,
            None => Stats::default(),
        };
        stats.workers = self.dispatchers().iter().flat_map(|pool| pool.workers()).collect();
        stats.gpus = gpus.collect();
        for pool in self.members() {
            let (calls, members) = pool.counted();
            stats.calls += &calls;
            stats.members.extend(members);
        }
        stats
    }
}
