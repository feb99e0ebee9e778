//! One measurement: wrk sends the same call for some seconds and says how that went.

use anyhow::{Context, Result, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde_json::json;
use xshell::{Shell, cmd};

use super::contestant::Contestant;
use super::cpu::CpuTime;

/// An adaptor of about 100 bytes.
const ADAPTOR: &str = r#"def run(request, name):
    """Greets, in about a hundred bytes of source code."""
    return f"Hello, {name}!"
"#;

/// What every contestant answers.
const REPLY: &str = "Hello, owt!";

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

/// The same bytes for everyone: the envelope for owt, and the name once more for endpoints written by hand.
fn body() -> String {
    let code = BASE64_STANDARD.encode(ADAPTOR);
    let kwargs = BASE64_STANDARD.encode(r#"{"name": "owt"}"#);
    json!({ "code_b64": code, "kwargs_b64": kwargs, "name": "owt" }).to_string()
}

/// Calls once, and insists on the right answer: a fast wrong one is worth nothing.
pub(crate) fn check(sh: &Shell, url: &str) -> Result<()> {
    let body = body();
    let reply = cmd!(sh, "curl --silent --show-error --json {body} {url}").quiet().read()?;
    ensure!(reply == REPLY, "{url} answers {reply:?} instead of {REPLY:?}");
    Ok(())
}

/// Sends calls for some seconds over a number of connections.
pub(crate) fn sample(
    sh: &Shell,
    server: &Contestant,
    connections: u32,
    seconds: u32,
) -> Result<Sample> {
    let before = CpuTime::of(server)?;
    let sample = sample_of(sh, &server.url(), connections, seconds, &body())?;
    Ok(Sample { cpu: CpuTime::of(server)? - before, ..sample })
}

/// The same with another body. `@file`: each call sends another line of that file.
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
