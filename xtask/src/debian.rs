//! Programs from Debian packages that the chores call: installed when missing, never done without.

use std::env;
use std::path::Path;

use anyhow::{Result, ensure};
use xshell::{Shell, cmd};

/// Sees to it that each program is there; its package has the same name.
///
/// # Errors
/// Names the one command that installs what is missing, when we may not install it ourselves.
pub(crate) fn ensure_programs(sh: &Shell, programs: &[&str]) -> Result<()> {
    let missing: Vec<&str> =
        programs.iter().copied().filter(|program| !is_on_path(program)).collect();
    if missing.is_empty() { Ok(()) } else { install(sh, &missing) }
}

/// Sees to it that each package is there.
///
/// # Errors
/// Names the one command that installs what is missing, when we may not install it ourselves.
pub(crate) fn ensure_packages(sh: &Shell, packages: &[&str]) -> Result<()> {
    let missing: Vec<&str> =
        packages.iter().copied().filter(|package| !is_installed(sh, package)).collect();
    if missing.is_empty() { Ok(()) } else { install(sh, &missing) }
}

fn is_installed(sh: &Shell, package: &str) -> bool {
    let format = "${db:Status-Status}";
    let status = cmd!(sh, "dpkg-query --show --showformat {format} {package}");
    status.quiet().ignore_stderr().read().is_ok_and(|status| status == "installed")
}

/// Installs packages, if this is Debian and we are root.
pub(crate) fn install(sh: &Shell, packages: &[&str]) -> Result<()> {
    let names = packages.join(" ");
    ensure!(
        is_debian() && is_root(sh)?,
        "{names}: not installed\n\nhint: sudo apt-get install {names}"
    );
    let _quiet = sh.push_env("DEBIAN_FRONTEND", "noninteractive");
    cmd!(sh, "apt-get update --quiet --quiet").run()?;
    cmd!(sh, "apt-get install --quiet --quiet --yes --no-install-recommends {packages...}")
        .run()?;
    Ok(())
}

fn is_on_path(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

fn is_debian() -> bool {
    Path::new("/etc/debian_version").exists()
}

fn is_root(sh: &Shell) -> Result<bool> {
    Ok(cmd!(sh, "id --user").quiet().read()? == "0")
}
