//! The results, as tables in Markdown.
#![expect(clippy::print_stdout, reason = "the table is what the chore is run for")]

use std::collections::BTreeMap;

use super::contestant::Contestant;
use super::cpu_time::CpuTime;
use super::figure::Figure;
use super::instructions::Count;
use super::load::Sample;
use super::plot::{Curves, Point};
use super::spread::Spread;

pub(crate) fn print_head(baseline: &str) {
    println!(
        "| connections | server | requests/s | p50 | p99 | requests/s ÷ {baseline} | p50 ÷ {baseline} \
         | CPU time a call | front, workers | user, system |"
    );
    println!("|--:|:--|--:|--:|--:|:--|:--|--:|:--|:--|");
}

/// A row for each contestant: medians of all rounds, and ratios to the first contestant round by round.
pub(crate) fn print_rows(connections: u32, contestants: &[Contestant], samples: &[Vec<Sample>]) {
    for (contestant, own) in contestants.iter().zip(samples) {
        let cpu = |seconds: fn(CpuTime) -> f64| spread(own, |sample| sample.cpu_us(seconds)).median;
        println!(
            "| {connections} | {} | {:.0} | {:.0} µs | {:.0} µs | {} | {} | {:.1} µs | {:.1} + {:.1} | {:.1} + {:.1} |",
            contestant.name,
            spread(own, Sample::requests_per_second).median,
            spread(own, |sample| sample.p50_us).median,
            spread(own, |sample| sample.p99_us).median,
            ratio(own, &samples[0], Sample::requests_per_second),
            ratio(own, &samples[0], |sample| sample.p50_us),
            cpu(CpuTime::total),
            cpu(|time| time.front.total()),
            cpu(|time| time.workers.total()),
            cpu(CpuTime::user),
            cpu(CpuTime::system),
        );
    }
}

pub(super) fn print_cpu_head(rival: &str) {
    println!(
        "| connections | server | CPU time a call | least to greatest | front, workers | user, system \
         | ÷ {rival} | requests/s |"
    );
    println!("|--:|:--|--:|:--|:--|:--|:--|--:|");
}

/// A row of processor times: medians of all rounds, and the ratio to a rival round by round.
pub(super) fn print_cpu_row(connections: u32, name: &str, own: &[Sample], rival: &[Sample]) {
    let cpu = |seconds: fn(CpuTime) -> f64| spread(own, |sample| sample.cpu_us(seconds));
    let total = cpu(CpuTime::total);
    println!(
        "| {connections} | {name} | {:.1} µs | {:.1} to {:.1} | {:.1} + {:.1} | {:.1} + {:.1} | {} | {:.0} |",
        total.median,
        total.least,
        total.greatest,
        cpu(|time| time.front.total()).median,
        cpu(|time| time.workers.total()).median,
        cpu(CpuTime::user).median,
        cpu(CpuTime::system).median,
        ratio(own, rival, |sample| sample.cpu_us(CpuTime::total)),
        spread(own, Sample::requests_per_second).median,
    );
}

/// Instructions of each call, with how much more or less they are than the known ones.
pub(super) fn print_counts(counts: &BTreeMap<String, Count>, known: &BTreeMap<String, Count>) {
    println!("| call | instructions in the front | in the worker |");
    println!("|:--|--:|--:|");
    for (call, count) in counts {
        let known = known.get(call);
        println!(
            "| {call} | {} | {} |",
            compared(count.front, known.map(|known| known.front)),
            compared(count.worker, known.map(|known| known.worker)),
        );
    }
}

fn compared(now: u64, known: Option<u64>) -> String {
    let change = known.map(|known| (now as f64 / known as f64 - 1.0) * 100.0);
    change.map_or_else(|| now.to_string(), |change| format!("{now} ({change:+.1} %)"))
}

/// A row for each figure; one that does not hold its goal is said not to.
pub(crate) fn print_figures(figures: &[Figure]) {
    println!("| figure | median | least to greatest | goal | |");
    println!("|:--|--:|:--|:--|:--|");
    for Figure { name, unit, samples, goal } in figures {
        let Spread { least, median, greatest } = Spread::of(samples.iter().copied());
        let verdict = match goal.is_held_by(median) {
            Some(true) => "held",
            Some(false) => "**NOT HELD**",
            None => "",
        };
        println!(
            "| {name} | {} | {} to {} | {} | {verdict} |",
            unit.show(median),
            unit.show(least),
            unit.show(greatest),
            goal.show(*unit),
        );
    }
}

/// A row for each point of each curve.
pub(super) fn print_curves(plot: &Curves<'_>) {
    println!("**{}**\n", plot.title);
    println!("| | {} | {} | least to greatest |", plot.x.name, plot.y.name);
    println!("|:--|--:|--:|:--|");
    for series in plot.series {
        for Point { x, y: Spread { least, median, greatest } } in &series.points {
            let x = (plot.x.show)(*x);
            println!("| {} | {x} | {median:.0} µs | {least:.0} to {greatest:.0} |", series.name);
        }
    }
    print_gap();
}

/// Between two tables.
pub(crate) fn print_gap() {
    println!();
}

/// `median (least to greatest)` of a figure, each round divided by the baseline's of the same round.
fn ratio(own: &[Sample], baseline: &[Sample], figure: impl Fn(&Sample) -> f64) -> String {
    let ratios = own.iter().zip(baseline).map(|(own, baseline)| figure(own) / figure(baseline));
    let Spread { least, median, greatest } = Spread::of(ratios);
    format!("{median:.2} ({least:.2} to {greatest:.2})")
}

fn spread(samples: &[Sample], figure: impl Fn(&Sample) -> f64) -> Spread {
    Spread::of(samples.iter().map(figure))
}
