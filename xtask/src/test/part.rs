//! The parts that the tests have: what each needs, and how it runs.

use anyhow::Result;
use clap::ValueEnum;
use xshell::{Shell, cmd};

use crate::setup::{self, Need};
use crate::venv::Venv;
use crate::wheel::{self, Profile};
use crate::{version, web, workspace};

/// The crates that are published; the others build only where this repository is.
const PUBLISHED: &[&str] = &["owt-core", "owt-client"];

/// How many tests run at the same time: they wait more than they compute.
pub(crate) const AT_ONCE: [&str; 2] = ["--numprocesses", "3"];

/// What the README's first call and the seed's are made with.
const PROGRAMS: &[Need] = &[Need::Program("curl", &["curl"]), Need::Program("jo", &["jo"])];

#[derive(Clone, Copy, PartialEq, ValueEnum)]
pub(super) enum Part {
    /// Unit and integration tests of the crates, and the examples in their documentation
    Rust,
    /// Unit tests of the Python package in summat
    Summat,
    /// A real server, called by real clients
    System,
    /// Those of the whole server that speak HTTP, with two members in the place of each server
    Members,
    /// Those of the whole server that touch Python, with each other version that is installed
    Versions,
    /// What is published: the wheel, installed and run as its users do, and the crates
    Packages,
    /// The JavaScript package, the web example and hostile pages, in Node, Chromium and Firefox
    Web,
}

impl Part {
    pub(super) const ALL: &[Self] = &[
        Self::Rust,
        Self::Summat,
        Self::System,
        Self::Members,
        Self::Versions,
        Self::Packages,
        Self::Web,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Summat => "summat",
            Self::System => "system",
            Self::Members => "members",
            Self::Versions => "versions",
            Self::Packages => "packages",
            Self::Web => "web",
        }
    }

    /// What it needs, beside what builds the server.
    pub(super) fn needs(self) -> &'static [&'static [Need]] {
        match self {
            Self::Rust => &[],
            Self::Summat => &[setup::PYTHON],
            Self::System | Self::Members => &[setup::PYTHON, setup::CLIENTS],
            Self::Versions => &[setup::PYTHON, setup::VERSIONS],
            Self::Packages => &[setup::PYTHON, wheel::NEEDS, PROGRAMS],
            Self::Web => &[web::NEEDS],
        }
    }

    /// Runs it; its tests print what they like.
    pub(super) fn run(self, sh: &Shell) -> Result<()> {
        match self {
            Self::Rust => rust(sh),
            Self::Summat => summat(sh),
            Self::System => system(sh),
            Self::Members => members(sh),
            Self::Versions => version::test(sh),
            Self::Packages => packages(sh),
            Self::Web => web::test(sh),
        }
    }
}

fn rust(sh: &Shell) -> Result<()> {
    cmd!(sh, "cargo test --workspace").run()?;
    Ok(())
}

fn summat(sh: &Shell) -> Result<()> {
    let python = Venv::TESTS.python()?;
    let _inside = sh.push_dir("summat");
    // Fails if less of the package is covered than its settings ask for.
    cmd!(sh, "{python} -m pytest {AT_ONCE...} --cov").run()?;
    Ok(())
}

fn system(sh: &Shell) -> Result<()> {
    workspace::build(sh)?;
    let python = Venv::TESTS.python()?;
    let _binary = sh.push_env("OWT_BIN", workspace::target()?.join("debug/owt"));
    let _inside = sh.push_dir("tests");
    cmd!(sh, "{python} -m pytest {AT_ONCE...} --ignore packages").run()?;
    Ok(())
}

/// The files whose tests speak HTTP, and say nothing of the processes and files of a server.
const OF_HTTP: [&str; 18] = [
    "approved",
    "cache",
    "calls",
    "confirm",
    "envelope",
    "failures",
    "guard",
    "jobs",
    "leaving",
    "openapi",
    "progress",
    "refusals",
    "reply",
    "request",
    "routes",
    "signed_urls",
    "stream",
    "upload",
];

fn members(sh: &Shell) -> Result<()> {
    workspace::build(sh)?;
    let python = Venv::TESTS.python()?;
    let _binary = sh.push_env("OWT_BIN", workspace::target()?.join("debug/owt"));
    let _members = sh.push_env("OWT_TEST_MEMBERS", "2");
    let _inside = sh.push_dir("tests");
    let files = OF_HTTP.map(|name| format!("test_{name}.py"));
    cmd!(sh, "{python} -m pytest {AT_ONCE...} {files...}").run()?;
    Ok(())
}

fn packages(sh: &Shell) -> Result<()> {
    let crates = PUBLISHED.iter().flat_map(|name| ["--package", name]);
    // Publishing them builds what is packed; this is about what that is.
    cmd!(sh, "cargo package --allow-dirty --no-verify {crates...}").run()?;
    let _wheel = sh.push_env("OWT_WHEEL", wheel::make(sh, Profile::Dev)?);
    let _tools = sh.push_env("OWT_WHEEL_TOOLS", Venv::WHEEL.programs()?);
    let python = Venv::TESTS.python()?;
    let _inside = sh.push_dir("tests");
    cmd!(sh, "{python} -m pytest packages").run()?;
    Ok(())
}
