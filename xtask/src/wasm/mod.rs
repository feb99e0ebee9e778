//! `cargo xtask wasm`: the npm package `owt-client`, from `owt-core` to a tarball.

mod compile;
mod served;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, ValueEnum};
use xshell::{Shell, cmd};

pub(crate) use compile::{install, look};

use crate::setup::{self, Need};
use crate::workspace;

/// The folder of the package.
pub(crate) const PACKAGE: &str = "owt-client-wasm";

/// The one file of JavaScript in the package.
const BUNDLE: &str = "owt-client-wasm/dist/owt-client.js";

#[derive(Args)]
pub(crate) struct Options {
    /// Use this compiler, and not the first that is there
    #[arg(long, value_enum, env = "OWT_WASM_COMPILER")]
    compiler: Option<Compiler>,
    /// Only check that the file that the server carries is up to date; build nothing
    #[arg(long)]
    check: bool,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Compiler {
    /// That of rustup, with the standard library that it has for WebAssembly
    Rustup,
    /// Debian's for web browsers, which compiles the standard library as well
    Debian,
}

pub(crate) fn run(sh: &Shell, options: &Options) -> Result<()> {
    if options.check {
        return served::check(sh);
    }
    let needs = &[Need::Node, Need::Wasm, Need::Npm(PACKAGE)];
    setup::ensure(sh, &[needs], setup::Options::INSTALL)?;
    build(sh, options.compiler)?;
    served::update(sh)?;
    pack(sh).map(drop)
}

/// Builds the package's JavaScript and its types.
fn build(sh: &Shell, compiler: Option<Compiler>) -> Result<()> {
    let module = compile::module(sh, compiler)?;
    let core = workspace::root().join(PACKAGE).join("core");
    cmd!(sh, "cargo run --quiet --package wasm-glue -- {module} {core}").run()?;
    let _inside = sh.push_dir(PACKAGE);
    cmd!(sh, "npm run --silent build").run()?;
    Ok(())
}

/// Builds the package, and gives the tarball that a user would install.
pub(crate) fn package(sh: &Shell) -> Result<PathBuf> {
    build(sh, None)?;
    pack(sh)
}

/// Packs what is published into a tarball in the target folder.
fn pack(sh: &Shell) -> Result<PathBuf> {
    let folder = workspace::target()?.join("npm");
    sh.remove_path(&folder)?;
    sh.create_dir(&folder)?;
    sh.copy_file("LICENSE-MIT", PACKAGE)?;
    let _inside = sh.push_dir(PACKAGE);
    let tarball = cmd!(sh, "npm pack --silent --pack-destination {folder}").read()?;
    Ok(folder.join(tarball))
}
