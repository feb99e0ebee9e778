//! Jobs: calls that go on without their client. Whoever sends `Prefer: respond-async` (RFC 7240) is
//! answered at once, and asks for the reply later.

mod answer;
mod job;
mod limits;
mod room;
mod stored;
mod submit;
mod table;
mod wish;

pub use limits::JobLimits;
pub(super) use stored::broken;
pub(super) use table::JobCounts;
pub(crate) use table::Jobs;
pub(super) use wish::Wish;
