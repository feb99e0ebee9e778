//! `cargo xtask test`: every test there is, from the smallest part to a real server with real clients.

use anyhow::Result;
use clap::{Args, ValueEnum};
use xshell::{Shell, cmd};

use crate::venv::Venv;
use crate::{setup, web, workspace};

#[derive(Args)]
pub(crate) struct Options {
    /// Run only this part
    #[arg(value_enum)]
    part: Option<Part>,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Part {
    /// Unit and integration tests of the crates, and the examples in their documentation
    Rust,
    /// Unit tests of the Python package in summat
    Summat,
    /// A real server, called by real clients
    System,
    /// The JavaScript package and the web example, in Node and in Chromium
    Web,
}

pub(crate) fn run(sh: &Shell, options: &Options) -> Result<()> {
    let venv = setup::run(sh)?;
    let parts = options.part.as_ref().map_or(Part::value_variants(), std::slice::from_ref);
    parts.iter().try_for_each(|part| part.run(sh, &venv))
}

impl Part {
    fn run(self, sh: &Shell, venv: &Venv) -> Result<()> {
        match self {
            Self::Rust => rust(sh),
            Self::Summat => summat(sh, venv),
            Self::System => system(sh, venv),
            Self::Web => web::test(sh),
        }
    }
}

fn rust(sh: &Shell) -> Result<()> {
    cmd!(sh, "cargo test --workspace").run()?;
    Ok(())
}

fn summat(sh: &Shell, venv: &Venv) -> Result<()> {
    let python = venv.python();
    let _inside = sh.push_dir("summat");
    // Fails if less of the package is covered than its settings ask for.
    cmd!(sh, "{python} -m pytest --cov").run()?;
    Ok(())
}

fn system(sh: &Shell, venv: &Venv) -> Result<()> {
    setup::models(sh)?;
    // The same targets as `cargo test` builds, so that nothing is compiled a second time.
    cmd!(sh, "cargo build --workspace --all-targets").run()?;
    let python = venv.python();
    let _binary = sh.push_env("OWT_BIN", workspace::target()?.join("debug/owt"));
    let _inside = sh.push_dir("tests");
    cmd!(sh, "{python} -m pytest").run()?;
    Ok(())
}
