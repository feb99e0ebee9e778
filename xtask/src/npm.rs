//! Packages from npm, installed as their lock file says.

use anyhow::{Context, Result};
use xshell::{Shell, cmd};

use crate::workspace;

/// Sees to it that a folder of the repository has the packages that its lock file names.
///
/// # Errors
/// If there is no npm, or a package cannot be had.
pub(crate) fn ensure(sh: &Shell, folder: &str) -> Result<()> {
    let folder = workspace::root().join(folder);
    let wanted = sh.read_file(folder.join("package-lock.json"))?;
    let stamp = folder.join("node_modules/.made-from.json");
    if sh.read_file(&stamp).is_ok_and(|made_from| made_from == wanted) {
        return Ok(());
    }
    let _inside = sh.push_dir(&folder);
    cmd!(sh, "npm ci --no-fund --no-audit")
        .run()
        .context("the tests of the JavaScript package need Node 20.19 or newer, with its npm")?;
    // Written last, so that a set-up that was cut short is done again.
    sh.write_file(&stamp, wanted)?;
    Ok(())
}
