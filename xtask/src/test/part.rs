//! The parts that the tests have: what each needs, and how it runs.

use anyhow::Result;
use clap::ValueEnum;
use xshell::{Shell, cmd};

use crate::setup::{self, Need};
use crate::venv::Venv;
use crate::{web, workspace};

#[derive(Clone, Copy, PartialEq, ValueEnum)]
pub(super) enum Part {
    /// Unit and integration tests of the crates, and the examples in their documentation
    Rust,
    /// Unit tests of the Python package in summat
    Summat,
    /// A real server, called by real clients
    System,
    /// The JavaScript package and the web example, in Node and in Chromium
    Web,
}

impl Part {
    pub(super) const ALL: &[Self] = &[Self::Rust, Self::Summat, Self::System, Self::Web];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Summat => "summat",
            Self::System => "system",
            Self::Web => "web",
        }
    }

    /// What it needs, beside what builds the server.
    pub(super) fn needs(self) -> &'static [&'static [Need]] {
        match self {
            Self::Rust => &[],
            Self::Summat => &[setup::PYTHON],
            Self::System => &[setup::PYTHON, setup::CLIENTS],
            Self::Web => &[web::NEEDS],
        }
    }

    /// Runs it; its tests print what they like.
    pub(super) fn run(self, sh: &Shell) -> Result<()> {
        match self {
            Self::Rust => rust(sh),
            Self::Summat => summat(sh),
            Self::System => system(sh),
            Self::Web => web::test(sh),
        }
    }
}

fn rust(sh: &Shell) -> Result<()> {
    cmd!(sh, "cargo test --workspace").run()?;
    Ok(())
}

fn summat(sh: &Shell) -> Result<()> {
    let python = Venv::TESTS.python()?;
    let _inside = sh.push_dir("summat");
    // Fails if less of the package is covered than its settings ask for.
    cmd!(sh, "{python} -m pytest --cov").run()?;
    Ok(())
}

fn system(sh: &Shell) -> Result<()> {
    // The same targets as `cargo test` builds, so that nothing is compiled a second time.
    cmd!(sh, "cargo build --workspace --all-targets").run()?;
    let python = Venv::TESTS.python()?;
    let _binary = sh.push_env("OWT_BIN", workspace::target()?.join("debug/owt"));
    let _inside = sh.push_dir("tests");
    cmd!(sh, "{python} -m pytest").run()?;
    Ok(())
}
