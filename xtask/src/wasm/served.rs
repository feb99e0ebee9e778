//! The copy of the package's JavaScript that the server carries, so that building the server takes
//! no WebAssembly.
//!
//! Its first line says from which sources it was built. That is compared, and not the content: two
//! compilers make two modules of the same sources.

use anyhow::{Result, ensure};
use xshell::{Shell, cmd};

use super::{BUNDLE, PACKAGE};
use crate::sources;

/// What the server serves as `/_owt/client.js`.
const SERVED: &str = "owt-server/src/front/client.js";

/// What the package's JavaScript is built from.
const SOURCES: &[&str] = &[
    "owt-core/Cargo.toml",
    "owt-core/src",
    "owt-client-wasm/Cargo.toml",
    "owt-client-wasm/build.mjs",
    "owt-client-wasm/package.json",
    "owt-client-wasm/package-lock.json",
    "owt-client-wasm/src",
    "owt-client-wasm/ts",
];

/// Puts the package's JavaScript where the server is built from, unless it is there.
pub(super) fn update(sh: &Shell) -> Result<()> {
    if check(sh).is_ok() {
        return Ok(());
    }
    let text = format!("{}\n{}", first_line(sh)?, sh.read_file(BUNDLE)?);
    sh.write_file(SERVED, text)?;
    Ok(())
}

/// Checks that the server's copy was built from the sources as they are.
pub(super) fn check(sh: &Shell) -> Result<()> {
    let served = sh.read_file(SERVED).unwrap_or_default();
    ensure!(
        served.lines().next() == Some(&first_line(sh)?),
        "{SERVED} is out of date\n\nhint: cargo xtask wasm"
    );
    Ok(())
}

fn first_line(sh: &Shell) -> Result<String> {
    Ok(format!("// owt-client, built by `cargo xtask wasm` from sources {}", digest(sh)?))
}

/// The SHA-256 of all sources and of the versions of all crates that go into the module.
fn digest(sh: &Shell) -> Result<String> {
    let sums = sources::sums(sh, SOURCES)?;
    let tree = ["--package", PACKAGE, "--target", "wasm32-unknown-unknown", "--prefix", "none"];
    let crates = cmd!(sh, "cargo tree --locked --edges normal --no-dedupe {tree...}");
    let crates = crates.args(["--format", "{p}"]).quiet().read()?;
    // Behind the version of a crate of this repository is where it lies on this machine.
    let crates = crates.lines().map(|line| line.split(" (").next().unwrap_or(line));
    let versions = crates.collect::<Vec<_>>().join("\n");
    sources::digest(sh, &(sums + "\n" + &versions))
}
