//! `cargo xtask bench`: the figures that owt holds, measured in one run each, side by side with what
//! they are compared with.

mod call;
mod caller;
mod concurrency;
mod contestant;
mod cpu;
mod cpu_time;
mod faults;
mod figure;
mod growth;
mod instructions;
mod load;
mod owtify;
mod plot;
mod setting;
mod spread;
mod start;
mod streams;
mod table;
mod throughput;

use std::future::Future;

use anyhow::Result;
use clap::{Args, Subcommand};
use xshell::Shell;

use figure::Figure;

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Options {
    #[command(subcommand)]
    family: Option<Family>,
    #[command(flatten)]
    throughput: throughput::Options,
}

#[derive(Subcommand)]
enum Family {
    /// Requests a second beside actix-web alone, as without a word
    Throughput(throughput::Options),
    /// Processor time of a call in front and worker, sent in each way, beside servers written by hand
    Cpu(cpu::Options),
    /// Instructions of a call in front and worker, counted by callgrind
    Instructions(instructions::Options),
    /// What it takes until a fault is over: clients that leave, deadlines, stuck code, kills
    Faults(Rounds),
    /// The first byte of a stream, and chunks a second beside Starlette
    Streams(Rounds),
    /// Many calls at a time, fast calls beside slow ones, and code that is new
    Concurrency(Rounds),
    /// What a call takes as something grows: bodies, kept results, idle connections, adaptors; writes docs/plots
    Growth(Rounds),
    /// What the JavaScript client takes to make a URL
    Owtify(Rounds),
    /// The time to start, and the memory at rest
    Start(Rounds),
    /// Everything, one after the other
    All(Rounds),
}

#[derive(Args, Clone, Copy)]
#[group(skip)]
struct Rounds {
    /// How often each figure is measured
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
}

pub(crate) fn run(sh: &Shell, options: &Options) -> Result<()> {
    match &options.family {
        None => throughput::run(sh, &options.throughput),
        Some(Family::Throughput(options)) => throughput::run(sh, options),
        Some(Family::Cpu(options)) => cpu::run(sh, options),
        Some(Family::Instructions(options)) => instructions::run(sh, *options),
        Some(Family::Faults(rounds)) => show(faults::measure(sh, rounds.rounds)),
        Some(Family::Streams(rounds)) => show(streams::measure(sh, rounds.rounds)),
        Some(Family::Concurrency(rounds)) => show(concurrency::measure(sh, rounds.rounds)),
        Some(Family::Growth(rounds)) => on_one_thread(growth::run(sh, rounds.rounds)),
        Some(Family::Owtify(rounds)) => show(async { owtify::measure(sh, rounds.rounds) }),
        Some(Family::Start(rounds)) => show(start::measure(sh, rounds.rounds)),
        Some(Family::All(rounds)) => all(sh, &options.throughput, rounds.rounds),
    }
}

fn all(sh: &Shell, throughput: &throughput::Options, rounds: u16) -> Result<()> {
    throughput::run(sh, throughput)?;
    table::print_gap();
    show(async {
        let mut figures = faults::measure(sh, rounds).await?;
        figures.extend(streams::measure(sh, rounds).await?);
        figures.extend(concurrency::measure(sh, rounds).await?);
        figures.extend(owtify::measure(sh, rounds)?);
        figures.extend(start::measure(sh, rounds).await?);
        Ok(figures)
    })
}

fn show(figures: impl Future<Output = Result<Vec<Figure>>>) -> Result<()> {
    table::print_figures(&on_one_thread(figures)?);
    Ok(())
}

/// The other core is the server's.
fn on_one_thread<T>(measurement: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(measurement)
}
