//! When and why workers are replaced though they work.

use std::time::Duration;

/// Each worker takes a limit less a random part of this share of it, so that not all workers are
/// replaced at once.
const JITTER: f64 = 0.1;

/// The limits after which a worker is replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recycling {
    /// The age at which a worker is replaced.
    pub max_age: Option<Duration>,
    /// The number of calls after which a worker is replaced.
    pub max_calls: Option<u64>,
    /// The resident memory in bytes, of a worker and the child processes of its adaptors, above which
    /// the worker is replaced.
    pub max_rss: Option<u64>,
    /// The resident memory in bytes above which a worker is killed.
    pub kill_rss: Option<u64>,
    /// How long a replaced worker may take to finish its calls.
    pub drain: Duration,
    /// The number of abandoned calls above which a worker is replaced.
    pub max_abandoned: usize,
}

impl Default for Recycling {
    fn default() -> Self {
        let drain = Duration::from_secs(300);
        let (max_age, max_calls, max_rss, kill_rss) = Default::default();
        Self { max_age, max_calls, max_rss, kill_rss, drain, max_abandoned: 16 }
    }
}

impl Recycling {
    /// Whether there is a limit on memory.
    pub(crate) fn limits_memory(&self) -> bool {
        self.max_rss.or(self.kill_rss).is_some()
    }

    /// The limits of one worker: a little below the configured ones.
    pub(crate) fn with_jitter(&self) -> Self {
        Self {
            max_age: self.max_age.map(|age| age.mul_f64(1.0 - JITTER * fastrand::f64())),
            max_calls: self.max_calls.map(|calls| (calls - fastrand::u64(0..=calls / 10)).max(1)),
            ..*self
        }
    }
}

/// Why a worker is replaced though it works. The names are labels of a metric.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, thiserror::Error, strum::IntoStaticStr, strum::VariantNames,
)]
#[strum(serialize_all = "kebab-case")]
pub(crate) enum RecycleReason {
    #[error("its time is up")]
    Age,
    #[error("it has had its share of calls")]
    Calls,
    #[error("nobody has called it for a while")]
    Idle,
    #[error("it has {} MB of memory", .resident >> 20)]
    Memory { resident: u64 },
    #[error("calls that were cancelled still wait in it: {calls}")]
    Abandoned { calls: usize },
    #[error("a call that was cancelled runs on in it")]
    Runaway,
    #[error("owt itself failed in it")]
    Fault,
}

impl RecycleReason {
    /// Whether the worker stops taking calls at once, before its replacement is ready.
    pub(crate) fn is_urgent(self) -> bool {
        matches!(self, Self::Memory { .. } | Self::Runaway | Self::Fault)
    }

    /// How many retired workers of the same slot may still be finishing calls. Routine replacements
    /// wait for them, so that workers do not pile up.
    pub(crate) fn max_retired(self) -> usize {
        match self {
            Self::Age | Self::Calls | Self::Idle | Self::Memory { .. } => 0,
            Self::Abandoned { .. } | Self::Runaway | Self::Fault => 3,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_worker_outlives_what_was_asked_for(age in 0.1f64..1e6, calls in 1u64..1_000_000) {
            let asked = Recycling {
                max_age: Some(Duration::from_secs_f64(age)),
                max_calls: Some(calls),
                ..Recycling::default()
            };
            let limits = asked.with_jitter();
            let least = Duration::from_secs_f64(age * (0.999 - JITTER));
            prop_assert!(limits.max_age <= asked.max_age && limits.max_age >= Some(least));
            prop_assert!(limits.max_calls <= asked.max_calls);
            prop_assert!(limits.max_calls >= Some((calls - calls / 10).max(1)));
        }
    }
}
