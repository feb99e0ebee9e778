//! The [`Executor`](owt_core::Executor) of the front: a call goes to the server's own pool of workers, or to
//! the pool of the environment that its code asks for, which is made first. One task, the [`Keeper`], has
//! them made, and ends them when nobody has called them for a while.

mod environments;
mod executor;
mod gate;
mod keeper;
mod listing;
mod plan;
#[cfg(test)]
mod tests;

pub(crate) use environments::Environments;
pub(crate) use executor::Router;
pub(crate) use keeper::{Keeper, Profile};
pub(crate) use plan::{Plan, plan, sentence};
