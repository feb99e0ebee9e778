//! The members of a pool that Ray finds a place for.

use std::path::PathBuf;

/// Owts that Ray starts and watches, on nodes that have what they need.
#[derive(Debug, Clone, PartialEq)]
pub struct RayConfig {
    /// The cluster: `auto` (one that runs, else one on this machine), `local` (one on this machine), or that
    /// of a head, `host:port`.
    pub address: String,
    /// How many members.
    pub members: u32,
    /// How many GPUs each has; a part of one, if it is less than 1.
    pub num_gpus: f64,
    /// How many CPUs are kept for each.
    pub num_cpus: Option<f64>,
    /// What else a node has to have for each, by Ray's names.
    pub resources: Vec<(String, f64)>,
    /// A file of JSON: the environment in which each runs, as Ray describes it.
    pub runtime_env: Option<PathBuf>,
    /// How many workers each has.
    pub workers: Option<usize>,
    /// Whether they stay when this server stops.
    pub is_kept: bool,
}
