//! What `GET /_owt/pools` shows of a pool.

use owt_core::stats::WorkerStats;
use serde_json::{Value, json};

use super::named_pool::NamedPool;
use super::pool_executor::PoolExecutor;
use crate::gpu::Gpu;

/// A pool and its workers. Of the GPUs, those that its workers see.
pub(super) fn summary(pool: &NamedPool, executor: &PoolExecutor, gpus: &[Gpu]) -> Value {
    let NamedPool { name, profile, dispatchers, .. } = pool;
    let limits = dispatchers.limits();
    let workers = executor.dispatchers();
    let workers: Vec<_> = workers.iter().flat_map(|dispatcher| dispatcher.workers()).collect();
    let devices = (0..profile.workers).map(|worker| profile.gpus.devices(worker));
    let devices: Vec<Option<&str>> = devices.collect();
    let is_seen = |gpu: &&Gpu| devices.iter().any(|devices| sees(*devices, gpu));
    json!({
        "name": &**name,
        "workers": workers.iter().map(worker).collect::<Vec<_>>(),
        "replicas": limits.replicas,
        "slots": limits.slots.as_ref().map(|slots| slots.count()),
        "idle": profile.idle.map(|idle| idle.as_secs_f64()),
        "cuda": devices.first().copied().flatten(),
        "gpus": gpus.iter().filter(is_seen).collect::<Vec<_>>(),
    })
}

fn worker(stats: &WorkerStats) -> Value {
    json!({
        "name": stats.name,
        "pid": stats.pid,
        "is_up": stats.is_up,
        "calls": stats.calls,
        "memory": stats.resident,
        "age": stats.age.map(|age| age.as_secs_f64()),
    })
}

/// Whether a list of devices, as CUDA reads it, has a GPU in it. Without one, all are seen.
fn sees(devices: Option<&str>, gpu: &Gpu) -> bool {
    let Some(devices) = devices else { return true };
    devices.split(',').any(|device| {
        device == gpu.index.to_string()
            || device.starts_with("GPU-") && gpu.uuid.starts_with(device)
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(None, true)]
    #[case(Some("1"), true)]
    #[case(Some("0,1"), true)]
    #[case(Some("GPU-11"), true)]
    #[case(Some("GPU-1"), true)]
    #[case(Some("-1"), false)]
    #[case(Some("11"), false)]
    #[case(Some("GPU-2"), false)]
    fn a_pool_sees_the_gpus_of_its_mask(#[case] devices: Option<&str>, #[case] expected: bool) {
        let (uuid, name) = ("GPU-11".to_owned(), "A100".to_owned());
        assert_eq!(sees(devices, &Gpu { index: 1, uuid, name, used: 0, total: 0 }), expected);
    }
}
