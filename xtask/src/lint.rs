//! `cargo xtask lint`: everything that finds fault without running a test.

use std::thread;

use anyhow::Result;
use xshell::{Shell, cmd};

use crate::venv::Venv;
use crate::{architecture, setup, web, workspace};

/// Folders with Python of our own, each checked with its own settings.
const TYPED: &[&str] = &["summat", "tests"];

pub(crate) fn run(sh: &Shell) -> Result<()> {
    setup::ensure(sh, &[setup::PYTHON, web::LINT_NEEDS], setup::Options::INSTALL)?;
    architecture::check(sh)?;
    // The compiler is done last, and leaves a core free at its end.
    thread::scope(|scope| {
        let rust = scope.spawn(|| rust(&workspace::shell()?));
        let others = python(sh).and_then(|()| web::lint(sh));
        rust.join().expect("a chore returns its errors")?;
        others
    })
}

fn rust(sh: &Shell) -> Result<()> {
    cmd!(sh, "cargo fmt --all --check").run()?;
    cmd!(sh, "cargo fmt --manifest-path fuzz/Cargo.toml --check").run()?;
    cmd!(sh, "cargo clippy --workspace --all-targets -- -D warnings").run()?;
    let _strict = sh.push_env("RUSTDOCFLAGS", "-D warnings");
    cmd!(sh, "cargo doc --workspace --no-deps --document-private-items").run()?;
    Ok(())
}

/// The format, lints and types of all Python in the repository.
fn python(sh: &Shell) -> Result<()> {
    let python = Venv::TESTS.python()?;
    cmd!(sh, "{python} -m ruff format --check .").run()?;
    cmd!(sh, "{python} -m ruff check .").run()?;
    for folder in TYPED {
        let _inside = sh.push_dir(folder);
        cmd!(sh, "{python} -m mypy").run()?;
    }
    // What the standard library lacks on macOS is seen from here, too.
    let _inside = sh.push_dir("summat");
    cmd!(sh, "{python} -m mypy --platform darwin --cache-dir .mypy_cache/darwin owt").run()?;
    Ok(())
}
