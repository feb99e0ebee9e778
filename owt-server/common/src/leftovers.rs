//! Processes that adaptors have started and that outlive their worker: they have left its process
//! group, or their parents have ended.
//!
//! Linux shows their environment and their ancestors. Elsewhere they are left alone: to end a
//! process that only might be an adaptor's would be worse.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
pub use linux::{Mark, kill_all};

/// The environment variable that holds the mark. Each worker process has another one.
pub const MARK_VARIABLE: &str = "OWT_WORKER_ID";

/// Does nothing, and returns how many it has killed.
#[cfg(not(target_os = "linux"))]
pub fn kill_all(_is_own: impl Fn(&str) -> bool, _roots: &[i32]) -> usize {
    0
}
