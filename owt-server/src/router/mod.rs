//! The [`Executor`](owt_core::Executor) of the front: a call goes to the pool that it or its code names, and
//! there to the pool's own workers, or to those of the environment that its code asks for, which is made
//! first. One task for each pool, the [`Keeper`], has them made, and ends them when nobody has called them
//! for a while.

mod environments;
mod executor;
mod gate;
mod keeper;
mod listing;
mod maker;
mod named_pool;
mod plan;
mod plans;
mod pool_executor;
mod summary;
#[cfg(test)]
mod tests;

pub(crate) use environments::Environments;
pub(crate) use executor::Router;
pub(crate) use keeper::Keeper;
pub(crate) use maker::{Profile, UvMaker};
pub(crate) use named_pool::{AnyPool, RunningPool};
pub(crate) use plan::{Place, place, script, sentence};
