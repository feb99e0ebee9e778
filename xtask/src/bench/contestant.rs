//! The servers that are measured: started on a free port, stopped when dropped.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use procfs::process::Process;
use xshell::{Shell, cmd};

use super::throughput::BASELINE;
use crate::venv::Venv;
use crate::workspace;

/// How long a server may take until it accepts a connection, also under valgrind.
const START: Duration = Duration::from_secs(90);

/// How long a server may take to end when asked.
const STOP: Duration = Duration::from_secs(3);

/// How often a server is looked at; not all of them can say when they are ready.
const POLL: Duration = Duration::from_millis(1);

/// What the owt of this checkout is called.
pub(super) const OWT: &str = "owt";

/// A running server.
pub(crate) struct Contestant {
    pub(crate) name: &'static str,
    address: SocketAddr,
    process: Child,
}

/// actix-web alone: it decodes the same envelope and answers the same, without running Python.
pub(crate) fn actix(sh: &Shell) -> Result<Contestant> {
    let server = release(sh, "bench-server", "bench-server")?;
    Contestant::start(BASELINE, |port| (server, vec![port]))
}

/// owt as a user starts it, with these options.
pub(crate) fn owt(sh: &Shell, options: &[&str]) -> Result<Contestant> {
    release(sh, "owt-cli", "owt")?;
    owt_now(options)
}

/// The same, without building it first.
pub(crate) fn owt_now(options: &[&str]) -> Result<Contestant> {
    start_owt(OWT, program("owt")?, options)
}

/// Another build of owt.
pub(crate) fn owt_of(program: &Path, options: &[&str]) -> Result<Contestant> {
    start_owt("owt before", program.display().to_string(), options)
}

/// owt with one worker, both under callgrind, which writes into a folder.
pub(super) fn owt_under_callgrind(sh: &Shell, python: &str, folder: &Path) -> Result<Contestant> {
    let owt = release(sh, "owt-cli", "owt")?;
    let file = format!("--callgrind-out-file={}/%p", folder.display());
    // With the same hashes in each run, and on one core: who waits for whom is the same each time.
    let valgrind = ["PYTHONHASHSEED=0", "taskset", "--cpu-list", "0", "valgrind", "--quiet"];
    let callgrind =
        ["--tool=callgrind", "--trace-children=yes", &file, &owt, "serve", "--workers", "1"];
    let python = ["--python", python];
    let command = [&valgrind[..], &callgrind, &python].concat().into_iter().map(str::to_owned);
    let command: Vec<_> = command.collect();
    Contestant::start("owt under callgrind", |port| {
        ("env".to_owned(), [command, vec!["--port".to_owned(), port]].concat())
    })
}

fn start_owt(name: &'static str, owt: String, options: &[&str]) -> Result<Contestant> {
    let options = options.iter().copied().map(str::to_owned);
    Contestant::start(name, |port| {
        (owt, ["serve".into(), "--port".into(), port].into_iter().chain(options).collect())
    })
}

/// The same answer from endpoints written by hand.
pub(crate) fn written_by_hand(sh: &Shell) -> Result<Vec<Contestant>> {
    let scripts = [
        ("FastAPI under uvicorn", "fastapi_endpoint.py"),
        ("Robyn", "robyn_endpoint.py"),
        ("Granian, RSGI", "granian_endpoint.py"),
    ];
    scripts.into_iter().map(|(name, script)| by_hand(sh, name, script)).collect()
}

/// A stream written by hand.
pub(crate) fn starlette(sh: &Shell) -> Result<Contestant> {
    by_hand(sh, "Starlette under uvicorn", "starlette_stream.py")
}

fn by_hand(sh: &Shell, name: &'static str, script: &str) -> Result<Contestant> {
    let folder = workspace::root().join("xtask/src/bench/by_hand");
    Venv::BENCH.ensure(sh)?;
    let (python, script) = (Venv::BENCH.python()?, folder.join(script));
    let text = |path: &Path| path.display().to_string();
    Contestant::start(name, |port| (text(&python), vec![text(&script), port]))
}

/// Builds a program for release, and says where it is.
fn release(sh: &Shell, package: &str, name: &str) -> Result<String> {
    cmd!(sh, "cargo build --quiet --release --package {package}").run()?;
    program(name)
}

/// Where a program is that was built for release.
fn program(name: &str) -> Result<String> {
    Ok(workspace::target()?.join("release").join(name).display().to_string())
}

impl Contestant {
    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The process that was started.
    pub(super) fn front(&self) -> Result<Process> {
        Ok(Process::new(self.process.id().cast_signed())?)
    }

    /// Its child processes.
    pub(super) fn workers(&self) -> Result<Vec<Process>> {
        let children = self.front()?.task_main_thread()?.children()?;
        Ok(children
            .into_iter()
            .map(|pid| Process::new(pid.cast_signed()))
            .collect::<Result<_, _>>()?)
    }

    /// Starts a program, whose arguments are made from a free port.
    fn start(
        name: &'static str,
        command: impl FnOnce(String) -> (String, Vec<String>),
    ) -> Result<Self> {
        let address = free_address()?;
        let (program, arguments) = command(address.port().to_string());
        let process = Command::new(program).args(arguments).stdout(std::io::stderr()).spawn()?;
        let mut contestant = Self { name, address, process };
        contestant.wait_until_ready()?;
        Ok(contestant)
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        let deadline = Instant::now() + START;
        while TcpStream::connect(self.address).is_err() {
            if let Some(status) = self.process.try_wait()? {
                bail!("{} stopped while starting: {status}", self.name);
            }
            if Instant::now() > deadline {
                bail!("{} accepts no connection after {START:?}", self.name);
            }
            thread::sleep(POLL);
        }
        Ok(())
    }
}

impl Drop for Contestant {
    fn drop(&mut self) {
        // Asked first, so that a server of several processes ends its own.
        let _ = Command::new("kill").arg(self.process.id().to_string()).status();
        let deadline = Instant::now() + STOP;
        while matches!(self.process.try_wait(), Ok(None)) && Instant::now() < deadline {
            thread::sleep(POLL);
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}
