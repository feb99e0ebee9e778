//! What a call takes as something grows: its bodies, the results that are kept, connections without a
//! request, and adaptors. Each is to be flat, or to grow no faster than what it depends on.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::json;
use xshell::Shell;

use super::call::Call;
use super::caller::{Caller, Envelope};
use super::contestant::{self, Contestant};
use super::load;
use super::plot::{self, Axis, Curves, Point, Series};
use super::table;
use crate::{debian, workspace};

const KB: u64 = 1000;
const MB: u64 = 1000 * KB;

/// Least time for which one size is called over and over; once at least.
const AT_LEAST: Duration = Duration::from_millis(200);

const SECONDS: u32 = 2;
const CONNECTIONS: u32 = 32;

const RETURNS: &str = "def run(request, n):\n    return b'x' * n\n";

const TAKES: &str = "def run(request):\n    return str(len(request.data))\n";

const TIME: Axis = Axis { name: "time of a call", show: show_micros };
const BYTES: Axis = Axis { name: "bytes", show: show_bytes };

pub(super) async fn run(sh: &Shell, rounds: u16) -> Result<()> {
    debian::ensure_programs(sh, &["wrk"])?;
    let folder = workspace::root().join("docs/plots");
    sh.create_dir(&folder)?;
    let write = |name: &str, curves: &Curves<'_>| -> Result<()> {
        table::print_curves(curves);
        plot::write_curves(&folder.join(format!("{name}.svg")), curves)
    };
    let server = contestant::owt(sh, &["--max-body", "200M", "--cache-size", "2G"])?;
    let series = bodies(&Caller::new(server.url())?, rounds).await?;
    let title = "A body to the code, and one back";
    write("bodies", &Curves { title, x: BYTES, y: TIME, series: &series })?;
    let series = cached(&Caller::new(server.url())?, rounds).await?;
    let title = "The same result again";
    write("cached", &Curves { title, x: BYTES, y: TIME, series: &series })?;
    drop(server);
    let x = Axis { name: "connections without a request", show: show_count };
    let series = [idle_connections(sh, rounds)?];
    let title = "Calls over 32 connections, beside others that are open";
    write("connections", &Curves { title, x, y: TIME, series: &series })?;
    let x = Axis { name: "adaptors, called in turn", show: show_count };
    let series = adaptors(sh, rounds).await?;
    write("adaptors", &Curves { title: "Many adaptors", x, y: TIME, series: &series })
}

/// How long bodies take, over one connection: to code that says how long they are, and back from code
/// that makes them.
async fn bodies(caller: &Caller, rounds: u16) -> Result<Vec<Series>> {
    let mut takes = Series { name: "to the code", points: vec![] };
    let mut gives = Series { name: "back from it", points: vec![] };
    for size in [KB, 10 * KB, 100 * KB, MB, 10 * MB, 100 * MB] {
        let body = vec![b'x'; usize::try_from(size)?];
        let (mut to, mut back) = (vec![], vec![]);
        for _ in 0..rounds {
            to.push(
                time_of(async || {
                    let text = caller.send_body(&Envelope::new(TAKES), body.clone()).await?;
                    ensure!(text == size.to_string(), "of {size} bytes, {text} arrived");
                    Ok(())
                })
                .await?,
            );
            let call = Envelope::new(RETURNS).kwargs(&json!({ "n": size }));
            back.push(time_of(async || read(caller, &call, size).await).await?);
        }
        takes.points.push(Point::of(size as f64, &to));
        gives.points.push(Point::of(size as f64, &back));
    }
    Ok(vec![takes, gives])
}

/// How long a result takes that is made anew, that is kept, and that the client has already.
async fn cached(caller: &Caller, rounds: u16) -> Result<Vec<Series>> {
    let mut new = Series { name: "made anew", points: vec![] };
    let mut kept = Series { name: "kept by the server", points: vec![] };
    let mut known = Series { name: "known to the client (ETag)", points: vec![] };
    for size in [KB, 10 * KB, 100 * KB, MB, 10 * MB, 100 * MB] {
        let call = Envelope::new(RETURNS).kwargs(&json!({ "n": size }));
        let keep = call.clone().cached();
        let tag = caller.entity_tag(&keep).await?;
        let (mut anew, mut again, mut not_modified) = (vec![], vec![], vec![]);
        for _ in 0..rounds {
            anew.push(time_of(async || read(caller, &call, size).await).await?);
            again.push(time_of(async || read(caller, &keep, size).await).await?);
            not_modified.push(time_of(async || caller.not_modified(&keep, &tag).await).await?);
        }
        for (series, times) in [(&mut new, anew), (&mut kept, again), (&mut known, not_modified)] {
            series.points.push(Point::of(size as f64, &times));
        }
    }
    Ok(vec![new, kept, known])
}

async fn read(caller: &Caller, call: &Envelope, size: u64) -> Result<()> {
    let bytes = Caller::drain(caller.send(call).await?).await?;
    ensure!(bytes as u64 == size, "of {size} bytes, {bytes} came back");
    Ok(())
}

/// Microseconds of a call: the mean of those of a moment, after one that does not count.
async fn time_of(call: impl AsyncFn() -> Result<()>) -> Result<f64> {
    call().await?;
    let began = Instant::now();
    let mut calls = 0;
    while calls == 0 || began.elapsed() < AT_LEAST {
        call().await?;
        calls += 1;
    }
    Ok(began.elapsed().as_secs_f64() * 1e6 / f64::from(calls))
}

fn idle_connections(sh: &Shell, rounds: u16) -> Result<Series> {
    let options = ["--max-connections", "20000", "--keep-alive", "600"];
    let server = contestant::owt(sh, &options)?;
    let mut idle = Vec::new();
    let mut series = Series { name: "p50", points: vec![] };
    for count in [1, 10, 100, 1000, 10_000] {
        while idle.len() < count {
            idle.push(idle_connection(&server)?);
        }
        let times = samples(sh, &server, &Call::Json.body(), rounds)?;
        series.points.push(Point::of(count as f64, &times));
    }
    Ok(series)
}

/// A connection over which one request has been answered.
fn idle_connection(server: &Contestant) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(server.address())?;
    stream.write_all(b"GET /_owt/health HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
    let mut answer = [0; 4096];
    let len = stream.read(&mut answer)?;
    ensure!(answer[..len].starts_with(b"HTTP/1.1 200"), "a connection has no answer");
    Ok(stream)
}

async fn adaptors(sh: &Shell, rounds: u16) -> Result<Vec<Series>> {
    let folder = sh.create_temp_dir()?;
    let file: PathBuf = folder.path().join("bodies");
    let mut series = Vec::new();
    for (name, options) in [
        ("128 stay loaded (the default)", &[][..]),
        ("all stay loaded (--max-adaptors 20000)", &["--max-adaptors", "20000"]),
    ] {
        let server = contestant::owt(sh, options)?;
        let caller = Caller::new(server.url())?;
        let mut points = Vec::new();
        for count in [1u32, 10, 100, 1000, 10_000] {
            let calls: Vec<_> = (0..count).map(adaptor).collect();
            for call in &calls {
                caller.text(call).await?;
            }
            let bodies: Vec<_> = calls.iter().map(Envelope::body).collect();
            sh.write_file(&file, bodies.join("\n"))?;
            let times = samples(sh, &server, &format!("@{}", file.display()), rounds)?;
            points.push(Point::of(f64::from(count), &times));
        }
        series.push(Series { name, points });
    }
    Ok(series)
}

fn adaptor(number: u32) -> Envelope {
    Envelope::new(&format!("def run(request, name):\n    return f'{number}: {{name}}'\n"))
        .kwargs(&json!({ "name": "owt" }))
}

/// The median time of a call over 32 connections, of each round.
fn samples(sh: &Shell, server: &Contestant, body: &str, rounds: u16) -> Result<Vec<f64>> {
    let one = |_| Ok(load::sample_of(sh, &server.url(), CONNECTIONS, SECONDS, body)?.p50_us);
    (0..rounds).map(one).collect()
}

fn show_micros(micros: f64) -> String {
    match micros {
        ..1e3 => format!("{micros:.0} µs"),
        ..1e6 => format!("{:.0} ms", micros / 1e3),
        _ => format!("{:.0} s", micros / 1e6),
    }
}

fn show_bytes(bytes: f64) -> String {
    match bytes {
        ..1e6 => format!("{:.0} KB", bytes / 1e3),
        _ => format!("{:.0} MB", bytes / 1e6),
    }
}

fn show_count(count: f64) -> String {
    format!("{count:.0}")
}
