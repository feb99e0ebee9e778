//! What `owt ps` prints: a table of workers, and one each of members, adaptors and GPUs where there are some.

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
    let members_of = |pool: &Value| -> Vec<[String; 8]> {
        all(&pool["members"]).iter().map(|member| member_row(pool, member)).collect()
    };
    let members: Vec<_> = pools.iter().flat_map(members_of).collect();
    let mut tables = Vec::new();
    if !workers.is_empty() || members.is_empty() {
        let names = ["POOL", "WORKER", "PID", "CALLS", "MEMORY", "AGE", "CUDA"];
        tables.push(table::render(names, &workers));
    }
    if !members.is_empty() {
        let names = ["POOL", "MEMBER", "STATE", "CALLS", "WORKERS", "LOST", "PASSED ON", "REASON"];
        tables.push(table::render(names, &members));
    }
    if !adaptors.is_empty() {
        let names = ["POOL", "WORKER", "ADAPTOR", "FILE", "CALLS", "MEMORY", "IDLE", "KEPT"];
        tables.push(table::render(names, &adaptors));
    }
    if !gpus.is_empty() {
        tables.push(table::render(["GPU", "NAME", "USED", "OF"], &gpus));
    }
    tables.join("\n\n")
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

/// Another owt: its workers that take calls, of how many; and what it has cost.
fn member_row(pool: &Value, member: &Value) -> [String; 8] {
    let workers = &member["workers"];
    let workers = match (workers["alive"].as_u64(), workers["total"].as_u64()) {
        (Some(alive), Some(total)) => format!("{alive} of {total}"),
        _ => "-".to_owned(),
    };
    [
        text(&pool["name"]),
        text(&member["name"]),
        text(&member["state"]),
        member["calls"].to_string(),
        workers,
        member["lost"].to_string(),
        member["passed_on"].to_string(),
        text(&member["reason"]),
    ]
}

/// Where an adaptor is: its worker, and the member that has that.
fn place(adaptor: &Value) -> String {
    let worker = text(&adaptor["worker"]);
    adaptor["member"].as_str().map_or(worker.clone(), |member| format!("{member} {worker}"))
}

fn adaptor_row(adaptor: &Value) -> [String; 8] {
    let digest = text(&adaptor["digest"]);
    let kept = match adaptor["keep_alive"].as_str() {
        None | Some("-1") => "-".to_owned(),
        Some(seconds) => seconds.parse().map_or_else(|_| "-".to_owned(), table::seconds),
    };
    [
        text(&adaptor["pool"]),
        place(adaptor),
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
    fn members_are_in_a_table_of_their_own() {
        let pools = json!([{"name": "gpu", "workers": [], "members": [
            {"name": "a:9876", "state": "up", "reason": null, "calls": 2, "lost": 0, "passed_on": 1,
             "workers": {"alive": 1, "total": 2}},
            {"name": "b:9876", "state": "closed", "reason": "it is stopping", "calls": 0, "lost": 3,
             "passed_on": 0, "workers": null},
        ]}]);
        let adaptors = json!([
            {"digest": "0123456789abcdef", "pool": "gpu", "member": "a:9876", "worker": "0", "calls": 3,
             "memory": 512, "name": "iris.py", "idle": 4.2, "keep_alive": "-1"},
        ]);
        let expected = "\
POOL  MEMBER  STATE   CALLS  WORKERS  LOST  PASSED ON  REASON
gpu   a:9876  up      2      1 of 2   0     1          -
gpu   b:9876  closed  0      -        3     0          it is stopping

POOL  WORKER    ADAPTOR       FILE     CALLS  MEMORY  IDLE  KEPT
gpu   a:9876 0  0123456789ab  iris.py  3      512 B   4s    -";
        assert_eq!(render(&pools, &adaptors), expected);
    }

    #[test]
    fn a_server_without_calls_has_workers_alone() {
        let pools = json!([{"name": "default", "workers": []}]);
        assert_eq!(render(&pools, &json!([])), "POOL  WORKER  PID  CALLS  MEMORY  AGE  CUDA");
    }
}
