//! Streams: the first byte, and how many chunks a second, beside Starlette's.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use xshell::Shell;

use super::caller::{Caller, Envelope};
use super::contestant;
use super::figure::{Figure, Goal};
use super::load;
use crate::debian;

/// What the streams of all servers have in them.
const CHUNKS: usize = 10_000;
const CHUNK: usize = 1024;

/// Seconds in which one stream after the other is read.
const SECONDS: u32 = 2;

const GENERATOR: &str = r#"
CHUNK = b"x" * 1024

def run(request):
    for _ in range(10_000):
        yield CHUNK
"#;

const ASYNC_GENERATOR: &str = r#"
CHUNK = b"x" * 1024

async def run(request):
    for _ in range(10_000):
        yield CHUNK
"#;

const FIRST: &str = r#"
import time

def run(request):
    yield b"first"
    while True:
        time.sleep(0.005)
"#;

pub(super) async fn measure(sh: &Shell, rounds: u16) -> Result<Vec<Figure>> {
    debian::ensure_programs(sh, &["wrk"])?;
    let server = contestant::owt(sh, &[])?;
    let starlette = contestant::starlette(sh)?;
    let owt = Caller::new(server.url())?;
    let their_async = Caller::new(format!("{}/async", starlette.url().trim_end_matches('/')))?;
    let starlette = Caller::new(starlette.url())?;
    let mut first = vec![];
    let (mut own, mut own_async, mut theirs, mut theirs_async) = (vec![], vec![], vec![], vec![]);
    for _ in 0..rounds {
        first.push(first_byte(&owt).await?);
        own.push(whole(sh, &owt, GENERATOR).await?);
        own_async.push(whole(sh, &owt, ASYNC_GENERATOR).await?);
        theirs.push(whole(sh, &starlette, "").await?);
        theirs_async.push(whole(sh, &their_async, "").await?);
    }
    let speed = |times: &[Duration]| -> Vec<f64> {
        times.iter().map(|time| CHUNKS as f64 / time.as_secs_f64()).collect()
    };
    let five = Goal::AtLeast(5.0);
    Ok(vec![
        Figure::millis("first byte of a stream", &first, Goal::None),
        Figure::millis("10,000 chunks of 1 KB, generator", &own, Goal::None),
        Figure::millis("10,000 chunks of 1 KB, async generator", &own_async, Goal::None),
        Figure::millis("the same, Starlette's generator under uvicorn", &theirs, Goal::None),
        Figure::millis("the same, Starlette's async generator", &theirs_async, Goal::None),
        Figure::times("chunks/s of a generator ÷ Starlette's", &speed(&own), &speed(&theirs), five),
        Figure::times(
            "chunks/s of an async generator ÷ Starlette's",
            &speed(&own_async),
            &speed(&theirs_async),
            five,
        ),
    ])
}

async fn first_byte(owt: &Caller) -> Result<Duration> {
    let began = Instant::now();
    owt.first_chunk(&Envelope::new(FIRST)).await?;
    Ok(began.elapsed())
}

/// The median of how long a stream takes, read by a program that costs little itself.
async fn whole(sh: &Shell, caller: &Caller, code: &str) -> Result<Duration> {
    let envelope = Envelope::new(code);
    let bytes = Caller::drain(caller.send(&envelope).await?).await?;
    ensure!(bytes == CHUNKS * CHUNK, "a stream has {bytes} bytes");
    let sample = load::sample_of(sh, caller.url(), 1, SECONDS, &envelope.body())?;
    Ok(Duration::from_secs_f64(sample.p50_us / 1e6))
}
