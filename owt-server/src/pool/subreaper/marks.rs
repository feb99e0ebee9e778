//! The marks of worker processes, which what they start inherits.

use std::sync::atomic::{AtomicU64, Ordering};

/// Makes the marks of one server.
#[derive(Debug)]
pub(super) struct Marks {
    /// What all of them begin with.
    prefix: String,
    made: AtomicU64,
}

impl Default for Marks {
    fn default() -> Self {
        Self { prefix: format!("{:016x}", fastrand::u64(..)), made: AtomicU64::new(0) }
    }
}

impl Marks {
    /// A new mark for a worker process.
    pub(super) fn next(&self) -> String {
        format!("{}.{}", self.prefix, self.made.fetch_add(1, Ordering::Relaxed))
    }

    /// Whether a mark was made here.
    #[cfg(target_os = "linux")]
    pub(super) fn is_ours(&self, mark: &str) -> bool {
        mark.strip_prefix(&*self.prefix).is_some_and(|rest| rest.starts_with('.'))
    }
}
