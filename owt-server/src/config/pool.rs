//! What a pool of workers is told when its server starts.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use owt_core::DEFAULT_POOL;

use super::members::MembersConfig;

/// The name of a pool: up to 64 letters, digits, `-` and `_`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PoolName(String);

/// Text is no name of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the name of a pool has letters, digits, - and _")]
pub struct NotAPoolName;

impl PoolName {
    const MAX: usize = 64;

    /// Whether it is that of the pool for calls that name none.
    #[must_use]
    pub fn is_default(&self) -> bool {
        self.0 == DEFAULT_POOL
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for PoolName {
    fn default() -> PoolName {
        PoolName(DEFAULT_POOL.to_owned())
    }
}

impl FromStr for PoolName {
    type Err = NotAPoolName;

    fn from_str(text: &str) -> Result<PoolName, NotAPoolName> {
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        let is_name = (1..=Self::MAX).contains(&text.len()) && text.chars().all(is_part);
        is_name.then(|| PoolName(text.to_owned())).ok_or(NotAPoolName)
    }
}

/// Which GPUs the workers of a pool see.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Cuda {
    /// Those that the server sees.
    #[default]
    All,
    /// None.
    None,
    /// Each worker one of its own: the first the first, and so on.
    Each,
    /// These: indices within what the server sees, or UUIDs.
    These(Vec<String>),
}

/// The settings of one pool. What is `None` is as the server's own.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PoolConfig {
    /// Its name; that of the default pool changes the server's own.
    pub name: PoolName,
    /// The settings as `--pool` takes them, for `owt.args`.
    pub text: String,
    /// How many worker processes run.
    pub workers: Option<usize>,
    /// How many calls of one adaptor run at a time in one worker.
    pub threads: Option<usize>,
    /// How many calls of one adaptor may wait for its worker.
    pub queue: Option<usize>,
    /// The resident memory in bytes above which a worker is replaced.
    pub max_rss: Option<u64>,
    /// The age at which a worker is replaced.
    pub max_age: Option<Duration>,
    /// The number of calls after which a worker is replaced.
    pub max_calls: Option<u64>,
    /// The interpreter, or the folder of a virtualenv.
    pub python: Option<PathBuf>,
    /// Variables of its workers' environment, set before Python starts.
    pub variables: Vec<(String, String)>,
    /// Which GPUs they see.
    pub cuda: Cuda,
    /// How many calls run at a time in all of its workers, whatever their adaptors.
    pub slots: Option<usize>,
    /// After how long without a call a worker is replaced by an empty one.
    pub idle: Option<Duration>,
    /// In how many workers, or members, an adaptor may live; by default in one.
    pub replicas: Option<usize>,
    /// Other owts that run its calls, instead of workers of its own.
    pub members: Option<MembersConfig>,
    /// The scheduling priority of its workers (`setpriority(2)`): -20 to 19, and a greater one waits.
    pub nice: Option<i32>,
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("gpu", true)]
    #[case("Text-to_speech-2", true)]
    #[case("", false)]
    #[case("a b", false)]
    #[case("a/b", false)]
    #[case("a:b", false)]
    #[case("größer", false)]
    fn a_pool_has_a_plain_name(#[case] text: &str, #[case] is_name: bool) {
        assert_eq!(text.parse::<PoolName>().is_ok(), is_name);
        assert!("a".repeat(PoolName::MAX + 1).parse::<PoolName>().is_err());
    }
}
