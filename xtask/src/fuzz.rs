//! `cargo xtask fuzz`: bytes that are mutated as coverage grows, for every parser that meets the network.
//!
//! The targets are in the form of `cargo fuzz`, which runs them as well. Without it nothing has to be
//! installed, and a stable compiler is enough: only sanitizers need a nightly one, and they look for
//! faults of unsafe code, of which there is none here.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use xshell::{Shell, cmd};

use crate::workspace;

/// What makes the compiler count which branches are taken, as `cargo fuzz` does.
const COVERAGE: &str = "--cfg fuzzing -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares \
    -Cllvm-args=-simplifycfg-branch-fold-threshold=0";

/// The longest that one input may take, in seconds.
const TIMEOUT: u32 = 10;

#[derive(Args)]
pub(crate) struct Options {
    /// Seconds for each target
    #[arg(long, default_value_t = 4)]
    seconds: u32,
    /// Targets to run; by default all in fuzz/fuzz_targets
    targets: Vec<String>,
}

/// # Errors
/// When an input made a target panic, hang or take too much memory.
pub(crate) fn run(sh: &Shell, options: &Options) -> Result<()> {
    let known = targets(sh)?;
    if let Some(unknown) = options.targets.iter().find(|target| !known.contains(target)) {
        bail!("there is no target {unknown}; there are {}", known.join(", "));
    }
    let folder = workspace::target()?.join("fuzz");
    let programs = build(sh, &folder)?;
    let chosen = if options.targets.is_empty() { &known } else { &options.targets };
    chosen.iter().try_for_each(|target| fuzz(sh, &folder, &programs, target, options.seconds))
}

/// The names of all targets.
fn targets(sh: &Shell) -> Result<Vec<String>> {
    let files = sh.read_dir("fuzz/fuzz_targets")?;
    let name = |file: &Path| file.file_stem().and_then(OsStr::to_str).map(str::to_owned);
    Ok(files.iter().filter_map(|file| name(file)).collect())
}

/// Builds all targets; the folder that they are in.
fn build(sh: &Shell, folder: &Path) -> Result<PathBuf> {
    let host = cmd!(sh, "rustc --print host-tuple").read()?;
    // For a target that is named, these flags are not those of build scripts.
    let _flags = sh.push_env("RUSTFLAGS", COVERAGE);
    let manifest = "fuzz/Cargo.toml";
    cmd!(sh, "cargo build --locked --release --bins --manifest-path {manifest} --target {host} --target-dir {folder}")
        .run()?;
    Ok(folder.join(host).join("release"))
}

fn fuzz(sh: &Shell, folder: &Path, programs: &Path, target: &str, seconds: u32) -> Result<()> {
    let program = programs.join(target);
    let corpus = sh.create_dir(folder.join("corpus").join(target))?;
    let found = sh.create_dir(folder.join("found").join(target))?;
    let (timeout, prefix) = (TIMEOUT.to_string(), format!("{}/", found.display()));
    let seconds = seconds.to_string();
    let run = cmd!(
        sh,
        "{program} -max_total_time={seconds} -timeout={timeout} -artifact_prefix={prefix} {corpus} fuzz/seeds/{target}"
    );
    let output = run.quiet().ignore_status().output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "{said}\nthe target {target} has failed; mend it, and keep the input in a test"
    );
    let done = said.lines().rev().find(|line| line.starts_with("Done "));
    eprintln!("{target}: {}", done.context("libFuzzer does not say how many inputs it tried")?);
    Ok(())
}
