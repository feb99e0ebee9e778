//! `cargo xtask wheel`: the wheel of owt-cli, with the program owt and the Python package owt.
#![expect(clippy::print_stdout, reason = "the path of the wheel is what the chore is run for")]

use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use serde::Deserialize;
use xshell::{Shell, cmd};

use crate::setup::{self, Need};
use crate::venv::Venv;
use crate::workspace;

/// What makes it.
pub(crate) const NEEDS: &[Need] = &[Need::PythonVenv, Need::Venv(Venv::WHEEL)];

#[derive(Args)]
pub(crate) struct Options {
    /// Make it as the tests do: fast to build, large, and slow to run
    #[arg(long)]
    dev: bool,
}

/// How cargo builds what is in it.
#[derive(Clone, Copy)]
pub(crate) enum Profile {
    /// That of `cargo build`, of which everything is used that it has left
    Dev,
    Release,
}

/// What auditwheel finds.
#[derive(Deserialize)]
struct Audit {
    /// The oldest systems that have all that the programs are linked with
    overall_tag: String,
}

pub(crate) fn run(sh: &Shell, options: &Options) -> Result<()> {
    setup::ensure(sh, &[NEEDS], setup::Options::INSTALL)?;
    let wheel = make(sh, if options.dev { Profile::Dev } else { Profile::Release })?;
    println!("{}", wheel.display());
    Ok(())
}

/// Makes the wheel, and checks that it runs where its name says.
pub(crate) fn make(sh: &Shell, profile: Profile) -> Result<PathBuf> {
    let folder = workspace::target()?.join("wheels");
    sh.remove_path(&folder)?;
    let (maturin, profile) = (Venv::WHEEL.program("maturin")?, profile.name());
    cmd!(sh, "{maturin} build --locked --profile {profile} --out {folder}").run()?;
    let wheel = sh.read_dir(&folder)?.into_iter().next().context("maturin has made no wheel")?;
    check(sh, &wheel)?;
    Ok(wheel)
}

/// Checks that nothing in the wheel needs a newer system than its name says.
fn check(sh: &Shell, wheel: &PathBuf) -> Result<()> {
    let auditwheel = Venv::WHEEL.program("auditwheel")?;
    let audit = cmd!(sh, "{auditwheel} show --json {wheel}").quiet().read()?;
    let Audit { overall_tag } = serde_json::from_str(&audit)?;
    let name = wheel.file_name().unwrap_or_default().to_string_lossy();
    ensure!(
        overall_tag.starts_with("manylinux_")
            && name.ends_with(&format!("-py3-none-{overall_tag}.whl")),
        "{name} runs on {overall_tag}, and not where its name says"
    );
    Ok(())
}

impl Profile {
    fn name(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Release => "release",
        }
    }
}
