//! What becomes of processes that adaptors have started when their worker ends. On Linux, the server
//! takes them over and kills them. Elsewhere, those that have left the worker's process group live on.

#[cfg(target_os = "linux")]
mod linux;
mod marks;
#[cfg(not(target_os = "linux"))]
mod other;

#[cfg(target_os = "linux")]
pub(super) use linux::{Subreaper, kill_all, kill_left, watch};
#[cfg(not(target_os = "linux"))]
pub(super) use other::{Subreaper, kill_all, kill_left, watch};
