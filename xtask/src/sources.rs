//! What a committed file was built from, so that it is seen when it is out of date.

use std::path::PathBuf;

use anyhow::{Context, Result};
use xshell::{Shell, cmd};

/// The SHA-256 of each file below some paths, those that are not committed yet among them.
pub(crate) fn sums(sh: &Shell, paths: &[&str]) -> Result<String> {
    let listed = cmd!(sh, "git ls-files --cached --others --exclude-standard -- {paths...}");
    let mut files: Vec<PathBuf> = listed.quiet().read()?.lines().map(PathBuf::from).collect();
    // Git lists new files last, until they are committed.
    files.sort();
    Ok(cmd!(sh, "sha256sum -- {files...}").quiet().read()?)
}

/// The SHA-256 of a text.
pub(crate) fn digest(sh: &Shell, text: &str) -> Result<String> {
    let sum = cmd!(sh, "sha256sum").stdin(text).quiet().read()?;
    let digest = sum.split_whitespace().next().context("sha256sum prints a digest")?;
    Ok(digest.to_owned())
}
