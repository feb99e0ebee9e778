//! What it takes until a fault is over.

use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::json;
use xshell::Shell;

use super::caller::{Caller, Envelope};
use super::contestant;
use super::figure::{Figure, Goal};

/// How long calls may run that are to run too long.
const LIMIT: Duration = Duration::from_millis(100);

/// The server's patience with what does not stop.
const GRACE: Duration = Duration::from_secs(1);

/// Its `finally` says so by a datagram.
const GENERATOR: &str = r#"
import socket, time

def run(request, port):
    try:
        while True:
            yield b"x" * 1000
            time.sleep(0.005)
    finally:
        socket.socket(type=socket.SOCK_DGRAM).sendto(b"closed", ("127.0.0.1", port))
"#;

const ASYNC_GENERATOR: &str = r#"
import asyncio, socket

async def run(request, port):
    try:
        while True:
            yield b"x" * 1000
            await asyncio.sleep(0.005)
    finally:
        socket.socket(type=socket.SOCK_DGRAM).sendto(b"closed", ("127.0.0.1", port))
"#;

const TOO_LONG: &str = "import time\ndef run(request):\n    while True: time.sleep(0.001)\n";

const TOO_LONG_ASYNC: &str = "import asyncio\nasync def run(request): await asyncio.sleep(60)\n";

/// Never lets go of the interpreter's lock.
const STUCK: &str = "import ctypes\ndef run(request): ctypes.PyDLL(None).sleep(3600)\n";

/// Ways to wait that are ended soon, and those that are left alone once the grace period is over.
const WAITS: [(&str, &str, Wakes); 9] = [
    (
        "waits in subprocess.run",
        "import subprocess\ndef run(_, port): subprocess.run(['sleep', '3600'])\n",
        Wakes::AtOnce,
    ),
    (
        "waits in socket.recv",
        "import socket\ndef run(_, port): socket.create_connection(('127.0.0.1', port)).recv(1)\n",
        Wakes::AtOnce,
    ),
    (
        "waits in urlopen, as requests.get does",
        "from urllib.request import urlopen\n\
         def run(_, port): urlopen(f'http://127.0.0.1:{port}/')\n",
        Wakes::AtOnce,
    ),
    ("waits in time.sleep", "import time\ndef run(_, port): time.sleep(3600)\n", Wakes::AfterGrace),
    (
        "waits in Event.wait",
        "import threading\ndef run(_, port): threading.Event().wait()\n",
        Wakes::AfterGrace,
    ),
    (
        "waits in queue.get",
        "import queue\ndef run(_, port): queue.Queue().get()\n",
        Wakes::AfterGrace,
    ),
    (
        "waits for a Lock",
        "import threading\n\
         def run(_, port): (lock := threading.Lock()).acquire(); lock.acquire()\n",
        Wakes::AfterGrace,
    ),
    (
        "runs in C without the lock",
        "import ctypes\ndef run(_, port): ctypes.CDLL(None).sleep(3600)\n",
        Wakes::AfterGrace,
    ),
    (
        "runs in C with the lock",
        "import ctypes\ndef run(_, port): ctypes.PyDLL(None).sleep(3600)\n",
        Wakes::Never,
    ),
];

/// What becomes of a call that waits, once it is cancelled.
#[derive(Clone, Copy, PartialEq)]
enum Wakes {
    AtOnce,
    AfterGrace,
    /// Its worker is killed.
    Never,
}

const PID: &str = "import os\nrun = os.getpid\n";

pub(super) async fn measure(sh: &Shell, rounds: u16) -> Result<Vec<Figure>> {
    let grace = GRACE.as_secs_f64().to_string();
    let server = contestant::owt(sh, &["--workers", "1", "--grace", &grace])?;
    let caller = Caller::new(server.url())?;
    // Loads asyncio, which is not what is measured.
    caller.first_chunk(&Envelope::new("async def run(request):\n    yield 'warm'\n")).await?;
    let most = |millis| Goal::AtMost(millis);
    let (left, left_async) = (Envelope::new(GENERATOR), Envelope::new(ASYNC_GENERATOR));
    let (late, late_async) = (Envelope::new(TOO_LONG), Envelope::new(TOO_LONG_ASYNC));
    let figure = Figure::millis;
    let mut figures = vec![
        figure(
            "client leaves → generator's `finally` has run",
            &samples(rounds, async || closing(&caller, &left).await).await?,
            most(50.0),
        ),
        figure(
            "client leaves → async generator's `finally` has run",
            &samples(rounds, async || closing(&caller, &left_async).await).await?,
            most(50.0),
        ),
        figure(
            "deadline passed → 504 received",
            &samples(rounds, async || lateness(&caller, &late).await).await?,
            most(50.0),
        ),
        figure(
            "deadline passed → 504 received, async",
            &samples(rounds, async || lateness(&caller, &late_async).await).await?,
            most(50.0),
        ),
        figure(
            "stuck in C: grace period over → next call answered",
            &samples(rounds.min(5), async || unsticking(&caller).await).await?,
            most(500.0),
        ),
        figure(
            "worker killed → next call answered",
            &samples(rounds, async || recovery(&caller).await).await?,
            Goal::None,
        ),
    ];
    figures.extend(places(sh, rounds.min(5)).await?);
    Ok(figures)
}

/// How long a call that waits in C holds its place after it was cancelled, where there is only one.
async fn places(sh: &Shell, rounds: u16) -> Result<Vec<Figure>> {
    let grace = GRACE.as_secs_f64().to_string();
    let one_place = ["--workers", "1", "--threads", "1", "--grace", &grace];
    let server = contestant::owt(sh, &[&one_place[..], &["--max-abandoned", "1000"]].concat())?;
    let caller = Caller::new(server.url())?;
    // Takes connections, and never says anything.
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = json!({ "port": silent.local_addr()?.port() });
    let mut figures = Vec::new();
    for (name, code, wakes) in WAITS {
        let call = Envelope::new(code).kwargs(&port);
        let times = samples(rounds, async || place(&caller, &call, wakes).await).await?;
        figures.push(Figure::millis(name, &times, Goal::AtMost(wakes.goal())));
    }
    Ok(figures)
}

impl Wakes {
    /// Milliseconds from the deadline until the next call is answered.
    fn goal(self) -> f64 {
        let grace = GRACE.as_secs_f64() * 1000.0;
        match self {
            Self::AtOnce => 100.0,
            Self::AfterGrace => grace + 250.0,
            Self::Never => grace + 500.0,
        }
    }
}

/// From a call's deadline until the next call is answered, by the same worker unless that was killed.
async fn place(caller: &Caller, call: &Envelope, wakes: Wakes) -> Result<Duration> {
    let pid = caller.text(&Envelope::new(PID)).await?;
    lateness(caller, call).await?;
    let late = Instant::now();
    let next = caller.text(&Envelope::new(PID)).await?;
    ensure!((next == pid) == (wakes != Wakes::Never), "the worker was {pid}, and is {next}");
    Ok(late.elapsed())
}

async fn samples(rounds: u16, sample: impl AsyncFn() -> Result<Duration>) -> Result<Vec<Duration>> {
    let mut samples = Vec::new();
    for _ in 0..rounds {
        samples.push(sample().await?);
    }
    Ok(samples)
}

/// From a client's leaving a stream until the generator has cleaned up.
async fn closing(caller: &Caller, generator: &Envelope) -> Result<Duration> {
    let ear = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    ear.set_nonblocking(true)?;
    let ear = tokio::net::UdpSocket::from_std(ear)?;
    let call = generator.clone().kwargs(&json!({ "port": ear.local_addr()?.port() }));
    let response = caller.first_chunk(&call).await?;
    let left = Instant::now();
    drop(response);
    ear.recv(&mut [0; 16]).await?;
    Ok(left.elapsed())
}

/// By how much a 504 comes after its call's time is up.
async fn lateness(caller: &Caller, call: &Envelope) -> Result<Duration> {
    let began = Instant::now();
    let response = caller.send(&call.clone().timeout(LIMIT)).await?;
    ensure!(response.status().as_u16() == 504, "a deadline gives {}", response.status());
    response.bytes().await?;
    Ok(began.elapsed().saturating_sub(LIMIT))
}

/// From the moment when a stuck worker may be killed until a call is answered by the next one.
async fn unsticking(caller: &Caller) -> Result<Duration> {
    lateness(caller, &Envelope::new(STUCK)).await?;
    let allowed = Instant::now() + GRACE;
    let answered = caller.until_answered(&Envelope::new(PID)).await?;
    Ok(answered.saturating_duration_since(allowed))
}

async fn recovery(caller: &Caller) -> Result<Duration> {
    let pid = caller.text(&Envelope::new(PID)).await?;
    // One that lived for a while is replaced at once.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let killed = Instant::now();
    Command::new("kill").args(["-9", &pid]).status()?;
    Ok(caller.until_answered(&Envelope::new(PID)).await?.duration_since(killed))
}
