//! The tests of the JavaScript package, of the page, of the web example and of what hostile pages can do: in Node, in
//! Chromium and in Firefox.

use anyhow::Result;
use xshell::{Shell, cmd};

use crate::setup::{self, Need};
use crate::{page, wasm, workspace};

const TESTS: &str = "tests/web";
/// A generator of clients, with the compiler that it needs.
const OPENAPI: &str = "tests/web/openapi";
/// A client of agents, and the suite of their protocol.
const MCP: &str = "tests/web/mcp";
const EXAMPLE: &str = "examples/web";

/// What the tests need.
pub(crate) const NEEDS: &[Need] = &[
    setup::CHROMIUM,
    setup::FIREFOX,
    Need::Program("openssl", &["openssl"]),
    Need::Node,
    Need::Wasm,
    Need::Npm(wasm::PACKAGE),
    Need::Npm(page::FOLDER),
    Need::Npm(TESTS),
    Need::Npm(OPENAPI),
    Need::Npm(MCP),
    Need::Npm(EXAMPLE),
];

/// What checking the format needs.
pub(crate) const LINT_NEEDS: &[Need] =
    &[Need::Node, Need::Npm(wasm::PACKAGE), Need::Npm(page::FOLDER), Need::Npm(TESTS)];

/// The folders with JavaScript or TypeScript in them.
const FOLDERS: &[&str] = &[wasm::PACKAGE, page::FOLDER, TESTS];

/// Builds the package, installs it as a user would, and runs all tests that use it.
pub(crate) fn test(sh: &Shell) -> Result<()> {
    workspace::build(sh)?;
    let tarball = wasm::package(sh)?;
    check_page(sh)?;
    build_example(sh)?;
    let _binary = sh.push_env("OWT_BIN", workspace::target()?.join("debug/owt"));
    let _tarball = sh.push_env("OWT_TARBALL", &tarball);
    let _inside = sh.push_dir(TESTS);
    cmd!(sh, "npm install --silent --no-save --no-package-lock {tarball}").run()?;
    cmd!(sh, "npm run --silent check").run()?;
    cmd!(sh, "npm test --silent").run()?;
    Ok(())
}

/// Checks the format of everything that is no Rust and no Python.
pub(crate) fn lint(sh: &Shell) -> Result<()> {
    for folder in FOLDERS {
        let _inside = sh.push_dir(folder);
        cmd!(sh, "npm run --silent lint").run()?;
    }
    Ok(())
}

/// Checks the types of the page, which needs those of the package.
fn check_page(sh: &Shell) -> Result<()> {
    let _inside = sh.push_dir(page::FOLDER);
    cmd!(sh, "npm run --silent check").run()?;
    Ok(())
}

fn build_example(sh: &Shell) -> Result<()> {
    let _inside = sh.push_dir(EXAMPLE);
    cmd!(sh, "npm run --silent build -- --logLevel warn").run()?;
    Ok(())
}
