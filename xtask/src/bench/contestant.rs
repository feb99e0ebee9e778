//! The servers that are measured: started on a free port, stopped when dropped.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use xshell::{Shell, cmd};

use super::{BASELINE, load};
use crate::venv::Venv;
use crate::workspace;

/// How long a server may take until it accepts a connection.
const START: Duration = Duration::from_secs(30);

/// How long a server may take to end when asked.
const STOP: Duration = Duration::from_secs(3);

/// How often a server is looked at; not all of them can say when they are ready.
const POLL: Duration = Duration::from_millis(20);

/// A running server.
pub(crate) struct Contestant {
    pub(crate) name: &'static str,
    address: SocketAddr,
    process: Child,
}

/// actix-web alone: it decodes the same envelope and answers the same, without running Python.
pub(crate) fn actix(sh: &Shell) -> Result<Contestant> {
    let server = release(sh, "bench-server", "bench-server")?;
    Contestant::start(sh, BASELINE, |port| (server, vec![port]))
}

/// owt as a user starts it.
pub(crate) fn owt(sh: &Shell) -> Result<Contestant> {
    let owt = release(sh, "owt-cli", "owt")?;
    Contestant::start(sh, "owt", |port| (owt, vec!["serve".into(), "--port".into(), port]))
}

/// The same answer from endpoints written by hand.
pub(crate) fn written_by_hand(sh: &Shell) -> Result<Vec<Contestant>> {
    let venv = Venv::ensure(sh, "bench-venv", "xtask/src/bench/by_hand/requirements.txt")?;
    let scripts = [
        ("FastAPI under uvicorn", "fastapi_endpoint.py"),
        ("Robyn", "robyn_endpoint.py"),
        ("Granian, RSGI", "granian_endpoint.py"),
    ];
    let start = |(name, script)| {
        let script = workspace::root().join("xtask/src/bench/by_hand").join(script);
        let python = venv.python().display().to_string();
        Contestant::start(sh, name, |port| (python, vec![script.display().to_string(), port]))
    };
    scripts.into_iter().map(start).collect()
}

/// Builds a program for release, and says where it is.
fn release(sh: &Shell, package: &str, program: &str) -> Result<String> {
    cmd!(sh, "cargo build --quiet --release --package {package}").run()?;
    Ok(workspace::target()?.join("release").join(program).display().to_string())
}

impl Contestant {
    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Starts a program, whose arguments are made from a free port.
    fn start(
        sh: &Shell,
        name: &'static str,
        command: impl FnOnce(String) -> (String, Vec<String>),
    ) -> Result<Self> {
        let address = free_address()?;
        let (program, arguments) = command(address.port().to_string());
        let process = Command::new(program).args(arguments).stdout(std::io::stderr()).spawn()?;
        let mut contestant = Self { name, address, process };
        contestant.wait_until_ready()?;
        load::check(sh, &contestant.url())?;
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
