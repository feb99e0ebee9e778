//! A server's start, and what it holds when nothing happens.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use procfs::process::Process;
use xshell::Shell;

use super::caller::{Caller, Envelope};
use super::contestant::{self, Contestant};
use super::figure::{Figure, Goal, Unit};

/// After which time a server that has started is at rest.
const REST: Duration = Duration::from_millis(500);

const GREETING: &str = "def run(request): return 'up'\n";

pub(super) async fn measure(sh: &Shell, rounds: u16) -> Result<Vec<Figure>> {
    let (mut starts, mut memory) = (Vec::new(), Vec::new());
    // Builds, and brings the program into the page cache.
    drop(contestant::owt(sh, &["--workers", "2"])?);
    for _ in 0..rounds {
        let began = Instant::now();
        let server = contestant::owt_now(&["--workers", "2"])?;
        Caller::new(server.url())?.text(&Envelope::new(GREETING)).await?;
        starts.push(began.elapsed());
        tokio::time::sleep(REST).await;
        memory.push(memory_of(&server)?);
    }
    Ok(vec![
        Figure::millis("start → first answer", &starts, Goal::AtMost(150.0)),
        Figure {
            name: "memory at rest with 2 workers (PSS)",
            unit: Unit::Mebibytes,
            samples: memory,
            goal: Goal::AtMost(45.0),
        },
    ])
}

/// The proportional set size of all of a server's processes: what several of them share counts once.
fn memory_of(server: &Contestant) -> Result<f64> {
    let workers = server.workers()?.iter().map(pss).sum::<Result<u64>>()?;
    Ok((workers + pss(&server.front()?)?) as f64 / f64::from(1 << 20))
}

/// In bytes.
fn pss(process: &Process) -> Result<u64> {
    let maps = process.smaps_rollup()?.memory_map_rollup;
    let rollup = maps.iter().next().context("no smaps_rollup")?;
    rollup.extension.map.get("Pss").copied().context("no Pss")
}
