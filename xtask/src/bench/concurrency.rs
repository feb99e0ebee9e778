//! Many calls at a time: none of them waits for another without need.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::json;
use tokio::task::{JoinHandle, JoinSet};
use xshell::Shell;

use super::caller::{Caller, Envelope};
use super::contestant;
use super::figure::{Figure, Goal};
use super::load::{self, Sample};
use crate::debian;

const MANY: usize = 1000;

/// Seconds of which one percentile of fast calls is taken.
const SECONDS: u32 = 2;

/// Slow calls that sleep at a time; of those that compute there is one.
const SLEEPERS: usize = 8;

/// Pieces of code that are new in a round; more than can be called in its seconds.
const NEW: u64 = 30_000;

const WAITING: &str = "import asyncio\nasync def run(request):\n    await asyncio.sleep(1)\n";

const FAST: &str = "def run(request, n): return f'{n}'\n";

const SLEEPING: &str = "import time\ndef run(request): time.sleep(0.1)\n";

/// 100 ms of pure Python, by the clock of its own thread.
const COMPUTING: &str = r"
import time

def run(request):
    end = time.thread_time() + 0.1
    while time.thread_time() < end:
        for _ in range(1000):
            pass
";

pub(super) async fn measure(sh: &Shell, rounds: u16) -> Result<Vec<Figure>> {
    debian::ensure_programs(sh, &["wrk"])?;
    let server = contestant::owt(sh, &["--workers", "1", "--queue", "2000"])?;
    let caller = Caller::new(server.url())?;
    let mut together = Vec::new();
    for _ in 0..rounds.min(5) {
        together.push(all_at_once(&caller).await?);
    }
    let mut figures = vec![Figure::millis(
        "1,000 calls that wait one second each",
        &together,
        Goal::AtMost(1500.0),
    )];
    figures.extend(beside_slow_ones(&caller, rounds).await?);
    figures.extend(new_code(sh, &caller, rounds).await?);
    Ok(figures)
}

async fn all_at_once(caller: &Caller) -> Result<Duration> {
    let call = Envelope::new(WAITING);
    let mut calls = JoinSet::new();
    let began = Instant::now();
    for _ in 0..MANY {
        let (caller, call) = (caller.clone(), call.clone());
        calls.spawn(async move { caller.text(&call).await });
    }
    while let Some(answer) = calls.join_next().await {
        ensure!(answer??.is_empty(), "a call that waits gives nothing");
    }
    Ok(began.elapsed())
}

/// The 99th percentile of fast calls while slow ones run on the same worker, divided by that of
/// the same calls alone.
async fn beside_slow_ones(caller: &Caller, rounds: u16) -> Result<Vec<Figure>> {
    let (mut alone, mut sleeping, mut computing) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        alone.push(fast_calls(caller, fast().body()).await?.p99_us);
        sleeping.push(p99_beside(caller, SLEEPING, SLEEPERS).await?);
        computing.push(p99_beside(caller, COMPUTING, 1).await?);
    }
    Ok(vec![
        Figure::micros("fast calls alone, p99", &alone, Goal::None),
        Figure::times(
            "p99 beside 8 calls that sleep ÷ alone",
            &sleeping,
            &alone,
            Goal::AtMost(3.0),
        ),
        Figure::times(
            "p99 beside 100 ms of pure Python ÷ alone",
            &computing,
            &alone,
            Goal::AtMost(15.0),
        ),
    ])
}

async fn p99_beside(caller: &Caller, code: &str, calls: usize) -> Result<f64> {
    let slow: Vec<_> = (0..calls).map(|_| over_and_over(caller, code)).collect();
    let sample = fast_calls(caller, fast().body()).await;
    slow.iter().for_each(JoinHandle::abort);
    // Those that are left end before the next measurement.
    tokio::time::sleep(Duration::from_millis(200)).await;
    Ok(sample?.p99_us)
}

fn over_and_over(caller: &Caller, code: &str) -> JoinHandle<Result<()>> {
    let (caller, call) = (caller.clone(), Envelope::new(code));
    tokio::spawn(async move {
        loop {
            caller.text(&call).await?;
        }
    })
}

fn fast() -> Envelope {
    Envelope::new(FAST).kwargs(&json!({ "n": 1 }))
}

/// Sends fast calls over one connection, by a program that costs little itself.
async fn fast_calls(caller: &Caller, body: String) -> Result<Sample> {
    let url = caller.url().to_owned();
    let sample = move || load::sample_of(&Shell::new()?, &url, 1, SECONDS, &body);
    tokio::task::spawn_blocking(sample).await?
}

/// Calls of code that the server has not seen, in turn with calls of code that it has.
async fn new_code(sh: &Shell, caller: &Caller, rounds: u16) -> Result<Vec<Figure>> {
    let (mut new, mut warm) = (Vec::new(), Vec::new());
    let folder = sh.create_temp_dir()?;
    let file = folder.path().join("bodies");
    for round in 0..rounds {
        warm.push(fast_calls(caller, fast().body()).await?.p50_us);
        let bodies: Vec<_> = (0..NEW).map(|number| new_body(round, number)).collect();
        sh.write_file(&file, bodies.join("\n"))?;
        let sample = fast_calls(caller, format!("@{}", file.display())).await?;
        ensure!(sample.requests <= NEW, "some code was not new: {} calls", sample.requests);
        new.push(sample.p50_us);
    }
    Ok(vec![
        Figure::micros("warm calls, p50", &warm, Goal::None),
        Figure::micros("calls of code never seen before, p50", &new, Goal::None),
        Figure::times("p50 of code never seen before ÷ warm", &new, &warm, Goal::AtMost(2.0)),
    ])
}

fn new_body(round: u16, number: u64) -> String {
    let code = format!("N = '{round} {number}'\n\n{FAST}");
    Envelope::new(&code).kwargs(&json!({ "n": 1 })).body()
}
