//! `cargo xtask macos`: whether the code compiles for macOS. Nothing is linked or run, so no Apple
//! compiler is needed: in its place is one that makes empty files, since only Rust is looked at.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use xshell::{Shell, cmd};

use crate::workspace;

const TARGET: &str = "aarch64-apple-darwin";

/// Stands for the compiler of C, the linker and `ar`.
const COMPILER: &str = r#"#!/bin/sh
while [ $# -gt 0 ]; do
  case "$1" in
    -o) shift; : > "$1" ;;
    *.a) : > "$1" ;;
  esac
  shift
done
"#;

/// Variables that name it, to cargo and to the crate `cc`.
const VARIABLES: [&str; 3] = [
    "AR_aarch64_apple_darwin",
    "CC_aarch64_apple_darwin",
    "CARGO_TARGET_AARCH64_APPLE_DARWIN_LINKER",
];

/// Checks the program, and with it the server, the workers' extension module and the Rust client.
///
/// # Errors
/// When it does not compile, or rustup has not installed the target.
pub(crate) fn run(sh: &Shell) -> Result<()> {
    if !has_target(sh) {
        bail!("Rust cannot compile for {TARGET} here\n\nhint: rustup target add {TARGET}");
    }
    let compiler = write_compiler(sh, &workspace::target()?.join("macos"))?;
    let _variables = VARIABLES.map(|name| sh.push_env(name, &compiler));
    cmd!(sh, "cargo clippy --target {TARGET} -p owt-cli -p owt-worker -- -D warnings").run()?;
    Ok(())
}

fn has_target(sh: &Shell) -> bool {
    let installed = cmd!(sh, "rustup target list --installed").quiet().ignore_stderr().read();
    installed.is_ok_and(|targets| targets.lines().any(|target| target == TARGET))
}

fn write_compiler(sh: &Shell, folder: &Path) -> Result<PathBuf> {
    let path = folder.join("compiler");
    sh.write_file(&path, COMPILER)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))?;
    Ok(path)
}
