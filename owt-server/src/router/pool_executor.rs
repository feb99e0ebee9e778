//! The calls of one pool that come through one thread of the front: they go to the pool's own workers, or
//! to those of the environment that their code asks for.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use owt_core::{BodyStream, Call, CallGuard, CallState, Error, Executor, Failure, Reply};
use tokio::sync::mpsc::UnboundedReceiver;

use super::environments::{Change, EnvironmentPool, Environments, LeasedPool};
use super::gate::Lease;
use super::plan::Place;
use crate::dispatch::{Dispatcher, ReplyStream};
use crate::environment::{Key, Spec};

pub(super) struct PoolExecutor {
    name: Arc<str>,
    pub(super) own: Rc<Dispatcher>,
    environments: Arc<Environments>,
    pools: RefCell<HashMap<Key, ThreadPool>>,
}

/// The pool of an environment, and its dispatcher on this thread.
#[derive(Clone)]
struct ThreadPool {
    pool: Arc<EnvironmentPool>,
    dispatcher: Rc<Dispatcher>,
}

impl PoolExecutor {
    /// On this thread's own loop.
    ///
    /// # Panics
    /// When there are more threads than the keeper was made for.
    pub(super) fn start(
        name: Arc<str>,
        own: Rc<Dispatcher>,
        environments: Arc<Environments>,
    ) -> Rc<Self> {
        let inbox = environments.inboxes.lock().pop().expect("there is an inbox for each thread");
        let this = Rc::new(Self { name, own, environments, pools: RefCell::default() });
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

    /// The pool of an environment, for one call.
    pub(super) async fn leased(
        &self,
        key: Key,
        spec: &Arc<Spec>,
        call: &Call,
    ) -> Result<(Rc<Dispatcher>, Lease), Error> {
        let found = self.pools.borrow().get(&key).cloned();
        if let Some(found) = found
            && let Some(lease) = found.pool.gate.enter()
        {
            return Ok((found.dispatcher, lease));
        }
        let environments = &self.environments;
        let pool = environments.pool(key, spec.clone());
        let waiting = environments.waiting.wait(call, &self.name, CallState::Installing, pool);
        let LeasedPool { pool, lease } = waiting.await?;
        Ok((self.thread_pool(&pool).dispatcher, lease))
    }

    pub(super) async fn execute(
        &self,
        place: Place,
        call: Box<Call>,
        rest: Option<BodyStream>,
        guard: CallGuard,
    ) -> Result<Reply<ReplyStream>, Failure> {
        match place {
            Place::Own => self.own.execute(call, rest, guard).await,
            // On the heap, so that other calls do not carry its size around.
            Place::Environment(key, spec) => {
                Box::pin(self.execute_in((key, spec), call, rest, guard)).await
            }
        }
    }

    async fn execute_in(
        &self,
        (key, spec): (Key, Arc<Spec>),
        call: Box<Call>,
        rest: Option<BodyStream>,
        guard: CallGuard,
    ) -> Result<Reply<ReplyStream>, Failure> {
        let (dispatcher, lease) = self.leased(key, &spec, &call).await?;
        dispatcher.execute(call, rest, CallGuard::new((guard, lease))).await
    }

    /// That of the pool's own workers, and those of its environments.
    pub(super) fn dispatchers(&self) -> Vec<Rc<Dispatcher>> {
        let pools = self.pools.borrow();
        let others = pools.values().map(|pool| pool.dispatcher.clone());
        [self.own.clone()].into_iter().chain(others).collect()
    }
}
