//! Packages from npm, installed as their lock file says.

use std::path::PathBuf;

use anyhow::Result;
use xshell::{Shell, cmd};

use crate::workspace;

/// Sees to it that a folder of the repository has the packages that its lock file names.
///
/// # Errors
/// If there is no npm, or a package cannot be had.
pub(crate) fn ensure(sh: &Shell, folder: &str) -> Result<()> {
    if is_there(sh, folder) {
        return Ok(());
    }
    let wanted = sh.read_file(lock(folder))?;
    let _inside = sh.push_dir(workspace::root().join(folder));
    cmd!(sh, "npm ci --no-fund --no-audit --no-progress --loglevel error").run()?;
    // Written last, so that a set-up that was cut short is done again.
    sh.write_file(stamp(folder), wanted)?;
    Ok(())
}

/// Whether it has them.
pub(crate) fn is_there(sh: &Shell, folder: &str) -> bool {
    let wanted = sh.read_file(lock(folder));
    wanted.is_ok_and(|wanted| sh.read_file(stamp(folder)).is_ok_and(|made| made == wanted))
}

/// What it takes, for people.
pub(crate) fn command(folder: &str) -> String {
    format!("npm ci, in {folder}")
}

fn lock(folder: &str) -> PathBuf {
    workspace::root().join(folder).join("package-lock.json")
}

fn stamp(folder: &str) -> PathBuf {
    workspace::root().join(folder).join("node_modules/.made-from.json")
}
