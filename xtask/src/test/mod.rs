//! `cargo xtask test`: every test there is, from the smallest part to a real server with real clients.

mod part;
mod result;

use anyhow::{Result, ensure};
use clap::Args;
use xshell::Shell;

use crate::setup;
use part::Part;

#[derive(Args)]
pub(crate) struct Options {
    /// Run only this part
    #[arg(value_enum)]
    part: Option<Part>,
    /// Show all that the tests print, as they print it
    #[arg(long, short)]
    verbose: bool,
    #[command(flatten)]
    setup: setup::Options,
}

/// Sets up what all tests need.
pub(crate) fn set_up(sh: &Shell, options: setup::Options) -> Result<()> {
    setup::show_and_ensure(sh, &needs(Part::ALL), options)
}

/// # Errors
/// If something that is needed cannot be installed, or a test fails; the other parts run all the same.
pub(crate) fn run(sh: &Shell, options: &Options) -> Result<()> {
    let parts = options.part.as_ref().map_or(Part::ALL, std::slice::from_ref);
    if options.verbose {
        setup::ensure(sh, &needs(parts), options.setup)?;
        return parts.iter().try_for_each(|part| part.run(sh));
    }
    setup::show_and_ensure(sh, &needs(parts), options.setup)?;
    run_quietly(sh, parts)
}

fn run_quietly(sh: &Shell, parts: &[Part]) -> Result<()> {
    let mut results = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        result::announce(index + 1, parts.len(), *part);
        results.push(result::of(sh, *part)?);
    }
    result::print_total(&results);
    let failed = parts.iter().zip(&results).filter(|(_, result)| !result.is_good);
    let failed: Vec<_> = failed.map(|(part, _)| part.name()).collect();
    ensure!(failed.is_empty(), "not all is well: {}", failed.join(", "));
    Ok(())
}

fn needs(parts: &[Part]) -> Vec<&'static [setup::Need]> {
    parts.iter().copied().flat_map(Part::needs).copied().collect()
}
