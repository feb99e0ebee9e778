//! How many jobs there may be, how much they keep, and for how long.

use std::time::Duration;

/// What bounds jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobLimits {
    /// How many there may be, those that run and those whose replies are kept.
    pub count: usize,
    /// The most bytes of replies that are kept, of all jobs together.
    pub bytes: usize,
    /// How long a reply is kept.
    pub age: Duration,
}

impl Default for JobLimits {
    fn default() -> Self {
        Self { count: 10_000, bytes: 256 << 20, age: Duration::from_secs(60 * 60) }
    }
}
