//! The project's own chores: `cargo xtask --help` lists them.
#![expect(clippy::print_stderr, reason = "a chore that fails tells the person who runs it")]

mod architecture;
mod bench;
mod debian;
mod fuzz;
mod lint;
mod macos;
mod npm;
mod page;
mod setup;
mod soak;
mod sources;
mod test;
mod venv;
mod version;
mod wasm;
mod web;
mod wheel;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

/// The project's own chores.
#[derive(Parser)]
#[command(bin_name = "cargo xtask", disable_help_subcommand = true)]
enum Chore {
    /// Set up what the tests need: programs from Debian, virtualenvs in target, packages from npm
    Setup(setup::Options),
    /// Set up, then run every test: Rust, Python, and a real server from end to end
    Test(test::Options),
    /// Check format, lints, types and documentation, running no test
    Lint,
    /// Check that the code compiles for macOS, without compiling C, linking or running anything
    Macos,
    /// Build the npm package owt-client, and the copy of it that the server carries
    Wasm(wasm::Options),
    /// Build the page in which a browser writes adaptors, as the server carries it
    Page(page::Options),
    /// Make the wheel owt-cli, in target/wheels, and check on which systems it runs
    Wheel(wheel::Options),
    /// Measure requests a second, or another family of figures, and print a table in Markdown
    Bench(bench::Options),
    /// Throw mutated bytes at every parser that meets the network
    Fuzz(fuzz::Options),
    /// Call a server under load while workers die and clients vanish, and check every answer
    Soak(soak::Options),
}

fn main() -> ExitCode {
    match run(Chore::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => {
            eprintln!("error: {err:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(chore: Chore) -> Result<()> {
    let sh = workspace::shell()?;
    match chore {
        Chore::Setup(options) => test::set_up(&sh, options),
        Chore::Test(options) => test::run(&sh, &options),
        Chore::Lint => lint::run(&sh),
        Chore::Macos => macos::run(&sh),
        Chore::Wasm(options) => wasm::run(&sh, &options),
        Chore::Page(options) => page::run(&sh, &options),
        Chore::Wheel(options) => wheel::run(&sh, &options),
        Chore::Bench(options) => bench::run(&sh, &options),
        Chore::Fuzz(options) => fuzz::run(&sh, &options),
        Chore::Soak(options) => soak::run(&sh, &options),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::Chore;

    #[test]
    fn the_options_of_all_chores_fit_together() {
        Chore::command().debug_assert();
    }
}
