//! The worker processes: started, watched, and replaced. The pool knows no calls; it sends the threads
//! of the front an event when a worker comes or goes.

mod availability;
mod backoff;
mod counters;
mod event;
mod exit_reason;
mod exit_watch;
mod handle;
mod health;
mod lifecycle;
mod loaded;
mod memory;
mod oom;
mod outage;
mod output;
mod process;
mod profile;
mod recycling;
mod running;
mod shared;
mod slot;
mod start_error;
mod subreaper;
mod supervisor;
mod usage;

pub(crate) use event::WorkerEvent;
pub(crate) use exit_reason::ExitReason;
pub(crate) use handle::{DrainGuard, Unanswered, WorkerHandle};
pub(crate) use lifecycle::{Housekeeping, Pool};
pub(crate) use memory::IS_KNOWN as MEMORY_IS_KNOWN;
pub(crate) use process::Launch;
pub(crate) use profile::Profile;
pub(crate) use recycling::RecycleReason;
pub use recycling::Recycling;
pub(crate) use shared::Shared;
pub use start_error::StartError;
pub(crate) use subreaper::Subreaper;
pub(crate) use usage::UsedAdaptor;
