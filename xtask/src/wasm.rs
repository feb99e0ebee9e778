//! `cargo xtask wasm-check`: the core runs where there are no sockets and no threads.

use anyhow::Result;
use xshell::{Shell, cmd};

pub(crate) fn check(sh: &Shell) -> Result<()> {
    cmd!(sh, "owt-core/check-wasm.sh").run()?;
    Ok(())
}
