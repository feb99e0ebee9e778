//! Instructions of a call in front and worker, counted by callgrind: the same on a machine that is busy.
//!
//! What counts is what is counted between two moments of one server's life, so that its start is left
//! out. Calls come one after the other over one connection. The kernel's share is not seen, nor are
//! instructions that valgrind's processor lacks, such as those for SHA-256.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use serde::{Deserialize, Serialize};
use xshell::{Shell, cmd};

use super::call::{Call, REPLY};
use super::contestant::{self, Contestant};
use super::table;
use crate::{debian, venv, workspace};

/// What was counted last, and committed.
const BASELINE: &str = "xtask/src/bench/instructions.json";

/// Calls that are counted at a time, and that come before them.
const CALLS: u32 = 500;

/// How often they are counted. What the clock has had done meanwhile only adds to them, so the least counts.
const ROUNDS: u32 = 5;

/// How many servers are started before a figure is said to be too high: where things lie in memory makes up
/// to 3 % of difference between two of them.
const SERVERS: u32 = 3;

/// Percent above the baseline that are borne.
const TOLERANCE: u64 = 5;

/// How long an answer may take under valgrind.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Args, Clone, Copy)]
#[group(skip)]
pub(super) struct Options {
    /// Fail if a figure is more than 5 % above the committed one
    #[arg(long)]
    check: bool,
    /// Write the figures down as those to compare with
    #[arg(long, conflicts_with = "check")]
    update: bool,
}

/// Instructions of one call.
#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Count {
    pub(super) front: u64,
    pub(super) worker: u64,
}

impl Count {
    fn least(self, other: Self) -> Self {
        Self { front: self.front.min(other.front), worker: self.worker.min(other.worker) }
    }
}

/// The figures, and what they depend on beside our own code.
#[derive(Serialize, Deserialize)]
struct Counts {
    with: BTreeMap<String, String>,
    calls: BTreeMap<String, Count>,
}

impl Counts {
    fn take_least(&mut self, others: BTreeMap<String, Count>) {
        for (call, other) in others {
            self.calls.entry(call).and_modify(|count| *count = count.least(other)).or_insert(other);
        }
    }
}

pub(super) fn run(sh: &Shell, options: Options) -> Result<()> {
    debian::ensure_programs(sh, &["valgrind"])?;
    let file = workspace::root().join(BASELINE);
    let known: Option<Counts> = match sh.path_exists(&file) {
        true => Some(serde_json::from_str(&sh.read_file(&file)?)?),
        false => None,
    };
    if options.check && known.is_none() {
        bail!("there is no {BASELINE}\n\nhint: --update writes it");
    }
    let is_enough = |counts: &Counts| match &known {
        Some(known) if !options.update => faults(counts, known).is_empty(),
        _ => false,
    };
    let mut counts = Counts { with: versions(sh)?, calls: count(sh)? };
    for _ in 1..SERVERS {
        if is_enough(&counts) {
            break;
        }
        counts.take_least(count(sh)?);
    }
    let empty = BTreeMap::new();
    let known_calls = known.as_ref().map_or(&empty, |known| &known.calls);
    table::print_counts(&counts.calls, known_calls);
    if options.update {
        sh.write_file(file, format!("{}\n", serde_json::to_string_pretty(&counts)?))?;
        return Ok(());
    }
    match known {
        Some(known) if options.check => compare(&counts, &known),
        _ => Ok(()),
    }
}

/// The figures that are too far above the known ones, or not known, a line each.
fn faults(counts: &Counts, known: &Counts) -> Vec<String> {
    let mut faults = Vec::new();
    for (call, count) in &counts.calls {
        let Some(known) = known.calls.get(call) else {
            faults.push(format!("- {call}: not in {BASELINE}"));
            continue;
        };
        for (part, now, then) in
            [("front", count.front, known.front), ("worker", count.worker, known.worker)]
        {
            if now * 100 > then * (100 + TOLERANCE) {
                let more = (now as f64 / then as f64 - 1.0) * 100.0;
                faults.push(format!("- {call}: the {part} takes {more:.1} % more"));
            }
        }
    }
    faults
}

fn compare(counts: &Counts, known: &Counts) -> Result<()> {
    let faults = faults(counts, known);
    let other = counts.with != known.with;
    let versions =
        format!("\n\n{BASELINE} was counted with {:?}, this is {:?}", known.with, counts.with);
    ensure!(
        faults.is_empty(),
        "a call takes more instructions than it did:\n{}{}\n\nhint: if it is worth them, \
         `cargo xtask bench instructions --update` writes the new figures down; commit them with the reason",
        faults.join("\n"),
        if other { versions } else { String::new() },
    );
    Ok(())
}

/// Starts a server under callgrind, and counts each call in it.
fn count(sh: &Shell) -> Result<BTreeMap<String, Count>> {
    let folder = workspace::target()?.join("callgrind");
    sh.remove_path(&folder)?;
    sh.create_dir(&folder)?;
    let server = contestant::owt_under_callgrind(sh, &python(sh)?, &folder)?;
    // It waits for the worker.
    Call::Json.check(sh, &server.url())?;
    let front = server.front()?.pid;
    let worker = server.workers()?.first().context("there is no worker")?.pid;
    let mut counts = BTreeMap::new();
    for call in Call::ALL {
        let mut client = Client::connect(&server, call)?;
        client.call(CALLS)?;
        [front, worker].into_iter().try_for_each(|pid| order(sh, pid, "zero"))?;
        let round = |_| -> Result<Count> {
            client.call(CALLS)?;
            // It zeroes the counters as well.
            let counted = |pid, part| dump(sh, &folder, pid, &format!("{part}, {}", call.name()));
            Ok(Count { front: counted(front, "front")?, worker: counted(worker, "worker")? })
        };
        let rounds: Vec<Count> = (0..ROUNDS).map(round).collect::<Result<_>>()?;
        let least = rounds.into_iter().reduce(Count::least).expect("there are rounds");
        counts.insert(call.name().to_owned(), least);
    }
    Ok(counts)
}

/// Has a process write down what was counted in it, for `callgrind_annotate` as well; instructions of one call.
fn dump(sh: &Shell, folder: &Path, pid: i32, name: &str) -> Result<u64> {
    order(sh, pid, "dump")?;
    // A dump is named by its number, and has another name before the next one.
    let dumps = sh.read_dir(folder)?;
    let is_new = |file: &&PathBuf| {
        let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.starts_with(&format!("{pid}."))
    };
    let file = dumps.iter().find(is_new).context("callgrind has written nothing")?;
    let text = sh.read_file(file)?;
    std::fs::rename(file, folder.join(name))?;
    let total = text.lines().find_map(|line| line.strip_prefix("totals: "));
    let total: u64 = total.context("a dump has no total")?.trim().parse()?;
    Ok(total / u64::from(CALLS))
}

/// Tells the callgrind of a process what to do.
fn order(sh: &Shell, pid: i32, order: &str) -> Result<()> {
    let pid = format!("--pid={pid}");
    cmd!(sh, "timeout 60 vgdb {pid} {order}").quiet().ignore_stdout().ignore_stderr().run()?;
    Ok(())
}

/// The interpreter itself: what stands before it on the path may be a script.
fn python(sh: &Shell) -> Result<String> {
    let python = venv::interpreter();
    let script = "import sys; print(sys.executable)";
    Ok(cmd!(sh, "{python} -c {script}").quiet().read()?)
}

fn versions(sh: &Shell) -> Result<BTreeMap<String, String>> {
    let python = venv::interpreter();
    let said = [
        ("python", cmd!(sh, "{python} --version").quiet().read()?),
        ("rustc", cmd!(sh, "rustc --version").quiet().read()?),
        ("valgrind", cmd!(sh, "valgrind --version").quiet().read()?),
    ];
    Ok(said.into_iter().map(|(name, version)| (name.to_owned(), version)).collect())
}

/// Sends one call after the other, always the same bytes.
struct Client {
    stream: TcpStream,
    request: Vec<u8>,
}

impl Client {
    fn connect(server: &Contestant, call: Call) -> Result<Self> {
        let stream = TcpStream::connect(server.address())?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let (target, body) = (call.target(), call.body());
        let host = format!("Host: {}\r\n", server.address());
        let request = match body.len() {
            0 => format!("GET {target} HTTP/1.1\r\n{host}\r\n"),
            len => format!(
                "POST {target} HTTP/1.1\r\n{host}Content-Type: application/json\r\n\
                 Content-Length: {len}\r\n\r\n{body}"
            ),
        };
        Ok(Self { stream, request: request.into_bytes() })
    }

    fn call(&mut self, calls: u32) -> Result<()> {
        (0..calls).try_for_each(|_| self.call_once())
    }

    fn call_once(&mut self) -> Result<()> {
        self.stream.write_all(&self.request)?;
        let (mut answer, mut piece) = (Vec::new(), [0; 4096]);
        while !answer.ends_with(REPLY.as_bytes()) {
            let len = self.stream.read(&mut piece)?;
            answer.extend_from_slice(&piece[..len]);
            let is_good = len > 0 && answer.starts_with(b"HTTP/1.1 200");
            ensure!(is_good, "the server answers {:?}", String::from_utf8_lossy(&answer));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(front: u64, worker: u64) -> Counts {
        let calls = BTreeMap::from([("a call".to_owned(), Count { front, worker })]);
        Counts { with: BTreeMap::new(), calls }
    }

    #[test]
    fn five_percent_more_is_borne_and_six_are_not() {
        let known = counts(100, 200);
        assert!(compare(&counts(105, 1), &known).is_ok());
        let err = compare(&counts(100, 212), &known).unwrap_err().to_string();
        assert!(err.contains("- a call: the worker takes 6.0 % more\n"), "{err}");
        assert!(err.contains("--update"), "{err}");
    }

    #[test]
    fn the_least_of_two_servers_counts() {
        let mut least = counts(100, 200);
        least.take_least(counts(90, 300).calls);
        assert!(least.calls["a call"] == Count { front: 90, worker: 200 });
    }

    #[test]
    fn a_call_without_a_known_figure_is_named() {
        let known = Counts { with: BTreeMap::new(), calls: BTreeMap::new() };
        let err = compare(&counts(1, 1), &known).unwrap_err().to_string();
        assert!(err.contains("- a call: not in"), "{err}");
    }
}
