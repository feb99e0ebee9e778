//! The second [`Executor`](owt_core::Executor): a pool whose calls other owts run, its members. It picks one
//! by the digest of the code, hands the call on as [`relay`](crate::relay) has it, and passes it to the next
//! one only if nothing of it can have run.

mod access;
mod calls;
mod connections;
mod executor;
mod health;
mod keeper;
mod member;
mod outgoing;
mod pool;
mod ray;
mod rendezvous;
mod reply;
mod requests;
mod watched;

pub(crate) use access::MembersAccess;
pub use access::MembersError;
pub(crate) use executor::MembersExecutor;
pub(crate) use keeper::{Keeper, Members};
pub(crate) use pool::{Limits, MembersPool};
pub(crate) use ray::RayLaunch;
pub(crate) use reply::MemberStream;
