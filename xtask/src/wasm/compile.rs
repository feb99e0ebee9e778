//! Compiling for WebAssembly, with whichever compiler this machine has or can get.
//!
//! Rustup's is used where it has the target or can get it. Elsewhere Debian's compiler for web
//! browsers builds the standard library from source.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::Result;
use xshell::{Shell, cmd};

use super::Compiler;
use crate::setup::{Missing, State};
use crate::{debian, workspace};

const TARGET: &str = "wasm32-unknown-unknown";

/// What Debian's way needs.
const PACKAGES: &[&str] = &["rustc-web", "cargo-web", "rust-web-src", "lld"];

/// The small variant of SHA-256, instead of the fast one.
const FLAGS: &[&str] = &["--cfg", r#"sha2_backend_soft="compact""#];

/// Which compiler is there, or how one gets here.
pub(crate) fn look(sh: &Shell) -> State {
    if has_target(sh) {
        return State::There(format!("rustup's {TARGET}"));
    }
    if debian::are_installed(sh, PACKAGES) {
        return State::There(PACKAGES.join(" "));
    }
    State::Missing(match debian::find("rustup") {
        Some(_) => Missing::Own(format!("rustup target add {TARGET}")),
        None => Missing::Debian(PACKAGES),
    })
}

/// Installs rustup's target, or Debian's compiler where rustup has none to give.
pub(crate) fn install(sh: &Shell) -> Result<()> {
    let has_rustup = debian::find("rustup").is_some();
    if has_rustup && cmd!(sh, "rustup target add {TARGET}").ignore_stderr().run().is_ok() {
        return Ok(());
    }
    debian::ensure_packages(sh, PACKAGES)
}

/// Compiles the package's Rust, and gives the module.
pub(super) fn module(sh: &Shell, compiler: Option<Compiler>) -> Result<PathBuf> {
    let compiler = compiler.unwrap_or_else(|| match has_target(sh) {
        true => Compiler::Rustup,
        false => Compiler::Debian,
    });
    let folder = match compiler {
        Compiler::Rustup => with_rustup(sh)?,
        Compiler::Debian => with_debian(sh)?,
    };
    Ok(folder.join(TARGET).join("wasm/owt_client_wasm.wasm"))
}

fn has_target(sh: &Shell) -> bool {
    let installed = cmd!(sh, "rustup target list --installed").quiet().ignore_stderr().read();
    installed.is_ok_and(|targets| targets.lines().any(|target| target == TARGET))
}

fn with_rustup(sh: &Shell) -> Result<PathBuf> {
    let folder = workspace::target()?.join("wasm");
    let _folder = sh.push_env("CARGO_TARGET_DIR", &folder);
    let _flags = sh.push_env("CARGO_ENCODED_RUSTFLAGS", flags(&[]));
    let package =
        ["--locked", "--profile", "wasm", "--target", TARGET, "--package", super::PACKAGE];
    cmd!(sh, "cargo build {package...}").run()?;
    Ok(folder)
}

fn with_debian(sh: &Shell) -> Result<PathBuf> {
    debian::ensure_packages(sh, PACKAGES)?;
    let folder = workspace::target()?.join("wasm-debian");
    let _folder = sh.push_env("CARGO_TARGET_DIR", &folder);
    let _compiler = sh.push_env("RUSTC", "/usr/bin/rustc");
    // -Z options are for nightly compilers; this opens them on a stable one.
    let _unstable = sh.push_env("RUSTC_BOOTSTRAP", "1");
    let _flags = sh.push_env("CARGO_ENCODED_RUSTFLAGS", flags(&["-Clinker=wasm-ld"]));
    let package =
        ["--locked", "--profile", "wasm", "--target", TARGET, "--package", super::PACKAGE];
    cmd!(sh, "/usr/bin/cargo build -Zbuild-std=std,panic_abort {package...}").run()?;
    Ok(folder)
}

/// The compiler's flags. No path of this machine gets into the module.
fn flags(more: &[&str]) -> String {
    let root = format!("--remap-path-prefix={}=owt", workspace::root().display());
    let crates = format!("--remap-path-prefix={}=cargo", cargo_home().display());
    let own = [root.as_str(), crates.as_str()];
    [FLAGS, &own, more].concat().join("\x1f")
}

fn cargo_home() -> PathBuf {
    let home = || Path::new(&env::var_os("HOME").unwrap_or_default()).join(".cargo");
    env::var_os("CARGO_HOME").map_or_else(home, PathBuf::from)
}
