//! One measurement: wrk sends the same call for some seconds and says how that went.

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use xshell::{Shell, cmd};

use super::call::Call;
use super::contestant::Contestant;
use super::cpu_time::CpuTime;

/// What wrk saw in one measurement.
#[derive(Clone, Deserialize)]
pub(crate) struct Sample {
    pub(crate) requests: u64,
    seconds: f64,
    errors: u64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    /// What the server used meanwhile.
    #[serde(skip)]
    pub(crate) cpu: CpuTime,
}

impl Sample {
    pub(crate) fn requests_per_second(&self) -> f64 {
        self.requests as f64 / self.seconds
    }

    /// Microseconds of processor time that the server took for each.
    pub(crate) fn cpu_us(&self, seconds: impl Fn(CpuTime) -> f64) -> f64 {
        seconds(self.cpu) * 1e6 / self.requests as f64
    }
}

/// Sends calls for some seconds over a number of connections.
pub(crate) fn sample(
    sh: &Shell,
    server: &Contestant,
    call: Call,
    connections: u32,
    seconds: u32,
) -> Result<Sample> {
    let url = format!("{}{}", server.url().trim_end_matches('/'), call.target());
    let before = CpuTime::of(server)?;
    let sample = sample_of(sh, &url, connections, seconds, &call.body())?;
    Ok(Sample { cpu: CpuTime::of(server)? - before, ..sample })
}

/// The same with another body; without one, it is a GET. `@file`: each call sends another line of that file.
pub(crate) fn sample_of(
    sh: &Shell,
    url: &str,
    connections: u32,
    seconds: u32,
    body: &str,
) -> Result<Sample> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/src/bench/load.lua");
    let (connections, seconds) = (connections.to_string(), seconds.to_string());
    let output =
        cmd!(sh, "wrk -t1 -c{connections} -d{seconds} --latency -s {script} {url} -- {body}")
            .quiet()
            .read()?;
    let summary = output.lines().last().context("wrk printed nothing")?;
    let sample: Sample = serde_json::from_str(summary).with_context(|| output.clone())?;
    ensure!(sample.errors == 0, "{} calls of {url} failed:\n{output}", sample.errors);
    Ok(sample)
}
