//! Debian packages that the chores use: installed when missing, never done without.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use xshell::{Shell, cmd};

/// Sees to it that each program is there; its package has the same name.
///
/// # Errors
/// Names the one command that installs what is missing, when we may not install it ourselves.
pub(crate) fn ensure_programs(sh: &Shell, programs: &[&str]) -> Result<()> {
    let missing: Vec<&str> =
        programs.iter().copied().filter(|program| find(program).is_none()).collect();
    if missing.is_empty() { Ok(()) } else { install(sh, &missing) }
}

/// Sees to it that each package is there.
///
/// # Errors
/// Names the one command that installs what is missing, when we may not install it ourselves.
pub(crate) fn ensure_packages(sh: &Shell, packages: &[&str]) -> Result<()> {
    if are_installed(sh, packages) { Ok(()) } else { install(sh, packages) }
}

pub(crate) fn are_installed(sh: &Shell, packages: &[&str]) -> bool {
    packages.iter().all(|package| is_installed(sh, package))
}

fn is_installed(sh: &Shell, package: &str) -> bool {
    let format = "${db:Status-Status}";
    let status = cmd!(sh, "dpkg-query --show --showformat {format} {package}");
    status.quiet().ignore_stderr().read().is_ok_and(|status| status == "installed")
}

/// Installs packages, if this is Debian and we are root or may become it without being asked.
pub(crate) fn install(sh: &Shell, packages: &[&str]) -> Result<()> {
    let sudo = if is_root(sh)? { None } else { Some("sudo") };
    ensure!(
        is_debian() && (sudo.is_none() || may_become_root(sh)),
        "{}: not installed\n\nhint: {}",
        packages.join(" "),
        command(packages)
    );
    let apt = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "--quiet", "--quiet"];
    let apt: Vec<&str> = sudo.into_iter().chain(apt).collect();
    let (program, apt) = (apt[0], &apt[1..]);
    cmd!(sh, "{program} {apt...} update").run()?;
    cmd!(sh, "{program} {apt...} install --yes --no-install-recommends {packages...}").run()?;
    Ok(())
}

/// What a person types to install packages.
pub(crate) fn command(packages: &[&str]) -> String {
    let install = "sudo apt-get update && sudo apt-get install --no-install-recommends";
    format!("{install} {}", packages.join(" "))
}

/// The version of a package that would be installed, if that is known.
pub(crate) fn candidate(sh: &Shell, package: &str) -> Option<String> {
    let _plain = sh.push_env("LC_ALL", "C");
    let policy = cmd!(sh, "apt-cache policy {package}").quiet().ignore_stderr().read().ok()?;
    let version = policy.lines().find_map(|line| line.trim().strip_prefix("Candidate: "))?;
    (version != "(none)").then(|| version.to_owned())
}

/// Where a program is.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).map(|folder| folder.join(program)).find(|path| path.is_file())
}

fn is_debian() -> bool {
    Path::new("/etc/debian_version").exists()
}

fn is_root(sh: &Shell) -> Result<bool> {
    Ok(cmd!(sh, "id --user").quiet().read()? == "0")
}

fn may_become_root(sh: &Shell) -> bool {
    find("sudo").is_some() && cmd!(sh, "sudo --non-interactive true").quiet().run().is_ok()
}
