//! Where things are: the repository's root, and the folder that Cargo builds into.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use xshell::{Shell, cmd};

/// A shell that stands in the repository's root.
pub(crate) fn shell() -> Result<Shell> {
    let sh = Shell::new()?;
    sh.change_dir(root());
    Ok(sh)
}

/// The repository's root.
pub(crate) fn root() -> &'static Path {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().expect("xtask is a folder of the repository")
}

/// Cargo's target folder, wherever the settings of the day put it.
pub(crate) fn target() -> Result<PathBuf> {
    // Cargo does not say, but it has put this very program into target/debug.
    let xtask = env::current_exe()?;
    let target =
        xtask.ancestors().nth(2).context("xtask does not run from Cargo's target folder")?;
    Ok(target.to_owned())
}

/// Builds the program that the tests run, with the same targets as `cargo test`: with others, cargo would
/// choose other features, and compile much of it a second time.
pub(crate) fn build(sh: &Shell) -> Result<()> {
    cmd!(sh, "cargo build --workspace --all-targets").run()?;
    Ok(())
}
