//! `cargo xtask soak`: calls under load, with faults injected, against a server of its own.

use anyhow::Result;
use clap::Args;
use xshell::{Shell, cmd};

use crate::venv::Venv;
use crate::{setup, workspace};

#[derive(Args)]
pub(crate) struct Options {
    /// Minutes that it lasts
    #[arg(long, default_value_t = 1.0)]
    minutes: f64,
    /// The seed of all that is random; by default another one each time, which is printed
    #[arg(long)]
    seed: Option<u32>,
    /// How often a worker is killed or frozen; by default twice a second
    #[arg(long)]
    kills: Option<u32>,
    /// Soak a front and its members, each in a network of its own (root, or user namespaces)
    #[arg(long)]
    members: bool,
    /// Soak the debug build, which checks more and bears less
    #[arg(long)]
    debug: bool,
}

/// # Errors
/// When the soak has found an answer, or a figure, that is not what it has to be.
pub(crate) fn run(sh: &Shell, options: &Options) -> Result<()> {
    setup::ensure(sh, &[setup::PYTHON], setup::Options::INSTALL)?;
    let python = Venv::TESTS.python()?;
    let (profile, folder) = if options.debug { ("dev", "debug") } else { ("release", "release") };
    cmd!(sh, "cargo build --profile {profile} --package owt-cli").run()?;
    let _binary = sh.push_env("OWT_BIN", workspace::target()?.join(folder).join("owt"));
    let _inside = sh.push_dir("tests");
    let minutes = options.minutes.to_string();
    let seed = options.seed.map(|seed| format!("--seed={seed}"));
    let kills = options.kills.map(|kills| format!("--kills={kills}"));
    if options.members {
        cmd!(sh, "{python} -m members_soak --minutes {minutes} {seed...}").run()?;
        return Ok(());
    }
    cmd!(sh, "{python} -m soak --minutes {minutes} {seed...} {kills...}").run()?;
    Ok(())
}
