//! What becomes of processes that adaptors have started when their worker ends. On Linux, the server
//! takes them over and kills them. Elsewhere, those that have left the worker's process group live on.

#[cfg(target_os = "linux")]
mod linux;
mod marks;
#[cfg(not(target_os = "linux"))]
mod other;

#[cfg(target_os = "linux")]
pub(crate) use linux::Subreaper;
#[cfg(target_os = "linux")]
pub(super) use linux::{kill_all, kill_left, watch};
#[cfg(not(target_os = "linux"))]
pub(crate) use other::Subreaper;
#[cfg(not(target_os = "linux"))]
pub(super) use other::{kill_all, kill_left, watch};
