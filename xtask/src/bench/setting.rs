//! On what, and with which versions, something was measured.

use anyhow::Result;
use xshell::{Shell, cmd};

use crate::venv::{self, Venv};
use crate::workspace;

/// Packages whose versions are told.
const SERVERS: [&str; 5] = ["fastapi", "granian", "robyn", "uvicorn", "uvloop"];

/// What it was measured on.
pub(super) fn machine(sh: &Shell) -> Result<String> {
    let info = sh.read_file("/proc/cpuinfo")?;
    let models =
        info.lines().filter_map(|line| Some(line.strip_prefix("model name")?.split_once(':')?.1));
    let model = models.clone().next().unwrap_or_default().trim();
    let kernel = sh.read_file("/proc/sys/kernel/osrelease")?;
    let kernel = kernel.split('-').next().unwrap_or_default().trim();
    Ok(format!("{} processors, {model}, Linux {kernel}", models.count()))
}

/// What was measured.
pub(super) fn versions(sh: &Shell) -> Result<String> {
    let python = venv::interpreter();
    let python = cmd!(sh, "{python} --version").quiet().read()?;
    let mut versions = vec![format!("owt {}", env!("CARGO_PKG_VERSION")), python];
    let requirements = sh.read_file(workspace::root().join(Venv::BENCH.requirements()))?;
    let pinned = requirements.lines().filter_map(|line| line.split_once("=="));
    let shown = pinned.filter(|(name, _)| SERVERS.contains(name));
    versions.extend(shown.map(|(name, version)| format!("{name} {version}")));
    Ok(versions.join(", "))
}
