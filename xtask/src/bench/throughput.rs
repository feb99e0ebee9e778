//! Requests a second: the same call to owt and to servers written by hand, side by side in one run.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::{Args, ValueEnum};
use xshell::Shell;

use super::call::Call;
use super::contestant::{self, Contestant};
use super::load::{self, Sample};
use super::table;
use crate::debian;

/// What everyone is measured against.
pub(super) const BASELINE: &str = "actix-web alone";

#[derive(Args, Clone)]
#[group(skip)]
pub(crate) struct Options {
    /// Seconds that each measurement lasts
    #[arg(long, default_value_t = 3)]
    seconds: u32,
    /// Measurements of each server at each number of connections
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Numbers of connections
    #[arg(long, value_delimiter = ',', default_values_t = [1, 32, 128])]
    connections: Vec<u32>,
    /// The servers that owt is measured against
    #[arg(long, value_enum, default_value_t = Against::Actix)]
    against: Against,
    /// Another build of owt to measure, such as that of the commit before
    #[arg(long, value_name = "PROGRAM")]
    before: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Against {
    /// actix-web alone
    Actix,
    /// actix-web alone, and endpoints written by hand for FastAPI, Robyn and Granian
    All,
}

pub(super) fn run(sh: &Shell, options: &Options) -> Result<()> {
    ensure!(options.rounds > 0, "--rounds must be at least 1");
    debian::ensure_programs(sh, &["wrk"])?;
    let contestants = contestants(sh, options)?;
    table::print_head(BASELINE);
    for &connections in &options.connections {
        let samples = measure(sh, &contestants, connections, options)?;
        table::print_rows(connections, &contestants, &samples);
    }
    Ok(())
}

/// Everyone who takes part: the baseline first.
fn contestants(sh: &Shell, options: &Options) -> Result<Vec<Contestant>> {
    let mut contestants = vec![contestant::actix(sh)?];
    if let Some(before) = &options.before {
        contestants.push(contestant::owt_of(before, &[])?);
    }
    contestants.push(contestant::owt(sh, &[])?);
    if options.against == Against::All {
        contestants.extend(contestant::written_by_hand(sh)?);
    }
    for contestant in &contestants {
        Call::Json.check(sh, &contestant.url())?;
    }
    Ok(contestants)
}

/// For each contestant its samples, one a round. They take turns, so that what slows the machine
/// down for a while slows down all of them.
fn measure(
    sh: &Shell,
    contestants: &[Contestant],
    connections: u32,
    options: &Options,
) -> Result<Vec<Vec<Sample>>> {
    let mut samples = vec![Vec::new(); contestants.len()];
    for _ in 0..options.rounds {
        for (contestant, samples) in contestants.iter().zip(&mut samples) {
            samples.push(load::sample(sh, contestant, Call::Json, connections, options.seconds)?);
        }
    }
    Ok(samples)
}
