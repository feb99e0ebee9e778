//! Processor time of a call: owt, sent the same call in each way, beside servers that answer it by hand.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::Args;
use xshell::Shell;

use super::call::Call;
use super::contestant::{self, Contestant};
use super::cpu_time::CpuTime;
use super::load::{self, Sample};
use super::plot::{self, Bar, Bars};
use super::spread::Spread;
use super::{setting, table};
use crate::{debian, workspace};

/// What a call of owt is compared with.
const RIVAL: &str = "Granian, RSGI";

#[derive(Args, Clone)]
#[group(skip)]
pub(super) struct Options {
    /// Seconds that each measurement lasts
    #[arg(long, default_value_t = 2)]
    seconds: u32,
    /// Measurements of each row at each number of connections
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Numbers of connections
    #[arg(long, value_delimiter = ',', default_values_t = [32, 128])]
    connections: Vec<u32>,
    /// Another build of owt to measure, such as that of the commit before
    #[arg(long, value_name = "PROGRAM")]
    before: Option<PathBuf>,
    /// Draw the first number of connections as docs/plots/calls.svg, for the README
    #[arg(long)]
    plot: bool,
}

/// A row of the table: a server, and how it is called.
struct Row<'a> {
    server: &'a Contestant,
    call: Call,
    name: String,
}

pub(super) fn run(sh: &Shell, options: &Options) -> Result<()> {
    ensure!(options.rounds > 0, "--rounds must be at least 1");
    debian::ensure_programs(sh, &["wrk"])?;
    let mut others = contestant::written_by_hand(sh)?;
    others.insert(0, contestant::actix(sh)?);
    let mut owts = vec![contestant::owt(sh, &[])?];
    if let Some(before) = &options.before {
        owts.insert(0, contestant::owt_of(before, &[])?);
    }
    let rows = rows(&others, &owts);
    for row in &rows {
        row.call.check(sh, &row.server.url())?;
    }
    table::print_cpu_head(RIVAL);
    for &connections in &options.connections {
        let samples = measure(sh, &rows, connections, options)?;
        let rival = rows.iter().position(|row| row.server.name == RIVAL);
        let rival = &samples[rival.expect("it is one of those that are written by hand")];
        for (row, own) in rows.iter().zip(&samples) {
            table::print_cpu_row(connections, &row.name, own, rival);
        }
        if options.plot && connections == options.connections[0] {
            draw(sh, connections, &rows, &samples)?;
        }
    }
    Ok(())
}

/// Draws every server with the call that all of them get, and owt with the other ways to call it.
fn draw(sh: &Shell, connections: u32, rows: &[Row<'_>], samples: &[Vec<Sample>]) -> Result<()> {
    let folder = workspace::root().join("docs/plots");
    sh.create_dir(&folder)?;
    let bar = |(row, own): (&Row<'_>, &Vec<Sample>)| {
        let spread = Spread::of(own.iter().map(|sample| sample.cpu_us(CpuTime::total)));
        let (name, is_own) = (row.name.clone(), row.server.name == contestant::OWT);
        Bar { name, is_own, spread }
    };
    let bars = rows.iter().zip(samples).map(bar).collect();
    let rounds = samples.iter().map(Vec::len).max().unwrap_or_default();
    let caption = [
        format!(
            "{connections} connections, median of {rounds} rounds that took turns, least to greatest as a line"
        ),
        setting::machine(sh)?,
        setting::versions(sh)?,
    ];
    let title = "Processor time of a call, all processes of the server, in µs: less is better";
    let show = |number| format!("{number:.1}");
    plot::write_bars(&folder.join("calls.svg"), &Bars { title, caption: &caption, show, bars })
}

/// Others get the call in one way: to them, it is a name in JSON.
fn rows<'a>(others: &'a [Contestant], owts: &'a [Contestant]) -> Vec<Row<'a>> {
    let others =
        others.iter().map(|server| Row { server, call: Call::Json, name: server.name.to_owned() });
    // Each way of calling beside the same of the other build.
    let owts = Call::ALL.into_iter().flat_map(|call| {
        owts.iter().map(move |server| Row {
            server,
            call,
            name: format!("{}, {}", server.name, call.name()),
        })
    });
    others.chain(owts).collect()
}

/// For each row its samples, one a round. They take turns, so that what slows the machine down for a
/// while slows down all of them.
fn measure(
    sh: &Shell,
    rows: &[Row<'_>],
    connections: u32,
    options: &Options,
) -> Result<Vec<Vec<Sample>>> {
    let mut samples = vec![Vec::new(); rows.len()];
    for _ in 0..options.rounds {
        for (row, samples) in rows.iter().zip(&mut samples) {
            samples.push(load::sample(sh, row.server, row.call, connections, options.seconds)?);
        }
    }
    Ok(samples)
}
