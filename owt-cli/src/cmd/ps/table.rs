//! What `owt ps` prints: a table of workers, one of adaptors, and one of GPUs where there are some.

use serde_json::Value;

use crate::table;

/// How much of a digest tells people which it is.
const SHORT: usize = 12;

/// The tables, from what `/_owt/pools` and `/_owt/adaptors` say.
pub(super) fn render(pools: &Value, adaptors: &Value) -> String {
    let all = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let pools = all(pools);
    let of_pool = |pool: &Value| -> Vec<[String; 7]> {
        all(&pool["workers"]).iter().map(|worker| worker_row(pool, worker)).collect()
    };
    let workers: Vec<_> = pools.iter().flat_map(of_pool).collect();
    let adaptors: Vec<_> = all(adaptors).iter().map(adaptor_row).collect();
    let mut gpus: Vec<_> = pools.iter().flat_map(|pool| all(&pool["gpus"])).collect();
    gpus.sort_by_key(|gpu| gpu["index"].as_u64());
    gpus.dedup();
    let gpus: Vec<_> = gpus.iter().map(gpu_row).collect();
    let mut text =
        table::render(["POOL", "WORKER", "PID", "CALLS", "MEMORY", "AGE", "CUDA"], &workers);
    if !adaptors.is_empty() {
        let names = ["POOL", "WORKER", "ADAPTOR", "FILE", "CALLS", "MEMORY", "IDLE", "KEPT"];
        text.push_str(&format!("\n\n{}", table::render(names, &adaptors)));
    }
    if !gpus.is_empty() {
        text.push_str(&format!("\n\n{}", table::render(["GPU", "NAME", "USED", "OF"], &gpus)));
    }
    text
}

fn worker_row(pool: &Value, worker: &Value) -> [String; 7] {
    let pid = worker["pid"].as_u64();
    [
        text(&pool["name"]),
        text(&worker["name"]),
        pid.map_or_else(|| "starting".to_owned(), |pid| pid.to_string()),
        worker["calls"].to_string(),
        size(&worker["memory"]),
        age(&worker["age"]),
        text(&pool["cuda"]),
    ]
}

fn adaptor_row(adaptor: &Value) -> [String; 8] {
    let digest = text(&adaptor["digest"]);
    let kept = match adaptor["keep_alive"].as_str() {
        None | Some("-1") => "-".to_owned(),
        Some(seconds) => seconds.parse().map_or_else(|_| "-".to_owned(), table::seconds),
    };
    [
        text(&adaptor["pool"]),
        text(&adaptor["worker"]),
        digest.get(..SHORT).unwrap_or(&digest).to_owned(),
        text(&adaptor["name"]),
        adaptor["calls"].to_string(),
        size(&adaptor["memory"]),
        age(&adaptor["idle"]),
        kept,
    ]
}

fn gpu_row(gpu: &Value) -> [String; 4] {
    [gpu["index"].to_string(), text(&gpu["name"]), size(&gpu["used"]), size(&gpu["total"])]
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or("-").to_owned()
}

fn size(value: &Value) -> String {
    value.as_f64().map_or_else(|| "-".to_owned(), table::bytes)
}

fn age(value: &Value) -> String {
    value.as_f64().map_or_else(|| "-".to_owned(), table::seconds)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn pools_workers_adaptors_and_gpus_are_in_tables() {
        let gpu = json!({"index": 0, "uuid": "GPU-1", "name": "A100", "used": 3_u64 << 30, "total": 40_u64 << 30});
        let pools = json!([
            {"name": "default", "cuda": null, "gpus": [gpu], "workers": [
                {"name": "0", "pid": 4711, "is_up": true, "calls": 2, "memory": 17 << 20, "age": 3725.5},
            ]},
            {"name": "gpu", "cuda": "0", "gpus": [gpu], "workers": [
                {"name": "gpu/0", "pid": null, "is_up": false, "calls": 0, "memory": null, "age": null},
            ]},
        ]);
        let adaptors = json!([
            {"digest": "0123456789abcdef", "pool": "default", "worker": "0", "calls": 3, "memory": 512,
             "age": 9.0, "fn_names": ["run"], "name": "iris.py", "idle": 4.2, "keep_alive": "300"},
        ]);
        let expected = "\
POOL     WORKER  PID       CALLS  MEMORY    AGE    CUDA
default  0       4711      2      17.0 MiB  1h02m  -
gpu      gpu/0   starting  0      -         -      0

POOL     WORKER  ADAPTOR       FILE     CALLS  MEMORY  IDLE  KEPT
default  0       0123456789ab  iris.py  3      512 B   4s    5m00s

GPU  NAME  USED     OF
0    A100  3.0 GiB  40.0 GiB";
        assert_eq!(render(&pools, &adaptors), expected);
    }

    #[test]
    fn a_server_without_calls_has_workers_alone() {
        let pools = json!([{"name": "default", "workers": []}]);
        assert_eq!(render(&pools, &json!([])), "POOL  WORKER  PID  CALLS  MEMORY  AGE  CUDA");
    }
}
