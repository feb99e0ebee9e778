//! Pools as the threads of the front see them, and how those with workers begin and end.

use std::sync::Arc;

use super::environments::Environments;
use super::keeper::{Keeper, KeeperHandle};
use super::maker::Profile;
use crate::dispatch::Dispatchers;
use crate::members::MembersPool;
use crate::pool::{self, Pool, StartError};

/// A pool with workers of its own.
pub(crate) struct NamedPool {
    pub(crate) name: Arc<str>,
    pub(super) profile: Arc<pool::Profile>,
    pub(super) dispatchers: Arc<Dispatchers>,
    pub(super) environments: Arc<Environments>,
}

/// What runs the calls of a pool.
#[derive(Clone)]
pub(crate) enum AnyPool {
    /// Its own workers.
    Workers(Arc<NamedPool>),
    /// Other owts.
    Members(Arc<MembersPool>),
}

/// What runs of a pool: its own workers, and what keeps its environments.
pub(crate) struct RunningPool {
    workers: Pool,
    keeper: KeeperHandle,
}

impl AnyPool {
    pub(super) fn name(&self) -> &Arc<str> {
        match self {
            Self::Workers(pool) => &pool.name,
            Self::Members(pool) => &pool.name,
        }
    }

    /// Its environments, if it has workers of its own.
    pub(super) fn environments(&self) -> Option<&Arc<Environments>> {
        match self {
            Self::Workers(pool) => Some(&pool.environments),
            Self::Members(_) => None,
        }
    }

    /// Interrupts all of its calls, because the server stops; how many there were.
    pub(crate) async fn cancel_all(&self) -> usize {
        match self {
            Self::Workers(pool) => pool.cancel_all().await,
            Self::Members(pool) => pool.cancel_all(),
        }
    }
}

impl NamedPool {
    async fn cancel_all(&self) -> usize {
        self.dispatchers.cancel_all().await + self.environments.cancel_all().await
    }
}

impl RunningPool {
    /// Starts the workers of a pool, on this thread's own loop.
    ///
    /// # Errors
    /// When one of them does not start.
    pub(crate) async fn start(
        keeper: Keeper,
        environments: Arc<Environments>,
    ) -> Result<(Self, AnyPool), StartError> {
        let Profile { launch, run_dir, pool, dispatchers } = &keeper.maker.profile;
        let (profile, dispatchers) = (pool.profile.clone(), dispatchers.clone());
        let named = NamedPool { name: profile.name.clone(), profile, dispatchers, environments };
        let workers = Pool::start(launch.clone(), run_dir.clone(), pool.clone()).await?;
        Ok((Self { workers, keeper: keeper.start() }, AnyPool::Workers(Arc::new(named))))
    }

    /// Stops the workers of the pool and of its environments. Calls that still run fail.
    pub(crate) async fn stop(self) {
        self.keeper.stop().await;
        self.workers.stop().await;
    }
}
