//! The [`Executor`](owt_core::Executor) over the pool's workers: picks the worker of a call, sends the
//! call there, and hands its reply on. Each thread of the front has a [`Dispatcher`] of its own, so that
//! no call on its way waits for a lock; what they share is in [`shared`].

mod admission;
mod broadcast;
mod calls;
mod cancellation;
mod connection;
mod connections;
mod context;
mod deadline;
mod dispatcher;
mod dispatchers;
mod in_flight;
mod out_of_memory;
mod pending;
mod placement;
mod reply_stream;
mod reported;
mod shared;
mod slots;
mod transport;
mod upload;
mod window;

pub(crate) use dispatcher::Dispatcher;
pub(crate) use dispatchers::Dispatchers;
pub(crate) use reply_stream::ReplyStream;
pub(crate) use shared::Limits;
pub(crate) use slots::Slots;
