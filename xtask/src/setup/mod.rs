//! What the chores need on this machine: all of it is looked at, shown in one table, and then installed.

mod need;
mod node;
mod python;
mod table;

use anyhow::{Result, bail};
use clap::Args;
use xshell::Shell;

pub(crate) use need::{Missing, Need, State};

use crate::debian;
use crate::venv::Venv;
use crate::version::Version;

/// What builds the server.
const BUILD: &[Need] = &[
    Need::Program("cc", &["gcc", "libc6-dev"]),
    Need::Program("git", &["git"]),
    Need::Python,
    Need::PythonLibrary,
];

/// What runs the Python tests.
pub(crate) const PYTHON: &[Need] = &[Need::PythonVenv, Need::Venv(Venv::TESTS)];

/// The versions of Python that some of the tests run with, too.
pub(crate) const VERSIONS: &[Need] = &[
    Need::OtherPython(Version::ALL[0]),
    Need::OtherPython(Version::ALL[1]),
    Need::OtherPython(Version::ALL[2]),
];

/// What the tests of a whole server call it with. Larger languages call it where they are installed.
pub(crate) const CLIENTS: &[Need] = &[
    CHROMIUM,
    Need::Node,
    Need::Program("curl", &["curl"]),
    Need::Program("jo", &["jo"]),
    Need::Program("php", &["php-cli"]),
    Need::Program("ruby", &["ruby"]),
    Need::Program("systemd-analyze", &["systemd"]),
    Need::Venv(Venv::MODELS),
];

pub(crate) const CHROMIUM: Need = Need::Program("chromium", &["chromium"]);

pub(crate) const FIREFOX: Need = Need::Program("firefox-esr", &["firefox-esr"]);

#[derive(Args, Clone, Copy)]
#[group(skip)]
pub(crate) struct Options {
    /// Install nothing: if something is missing, name the command that installs it, and fail
    #[arg(long)]
    no_install: bool,
}

impl Options {
    pub(crate) const INSTALL: Self = Self { no_install: false };
}

/// Sees to it that all of this is there, beside what builds the server; shows it if something is missing.
///
/// # Errors
/// Names what is missing and cannot be installed, with the command that would.
pub(crate) fn ensure(sh: &Shell, needs: &[&[Need]], options: Options) -> Result<()> {
    let found = look(sh, needs);
    if found.iter().any(|(_, state)| state.is_missing()) {
        table::print(&found);
    }
    install(sh, &found, options)
}

/// The same, but shows it always.
pub(crate) fn show_and_ensure(sh: &Shell, needs: &[&[Need]], options: Options) -> Result<()> {
    let found = look(sh, needs);
    table::print(&found);
    install(sh, &found, options)
}

type Found = (Need, State);

/// Looks at each thing once, in the order in which things would be installed.
fn look(sh: &Shell, needs: &[&[Need]]) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    for need in BUILD.iter().chain(needs.iter().copied().flatten()) {
        if !found.iter().any(|(other, _)| other == need) {
            found.push((*need, need.look(sh)));
        }
    }
    found
}

fn install(sh: &Shell, found: &[Found], options: Options) -> Result<()> {
    let missing: Vec<(Need, &Missing)> =
        found.iter().filter_map(|(need, state)| Some((*need, state.missing()?))).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let packages = packages(&missing);
    for (need, missing) in &missing {
        if let Missing::ByHand(remedy) = missing {
            bail!("{need} is missing, and has to be installed by hand\n\nhint: {remedy}");
        }
    }
    if options.no_install {
        bail!("something is missing\n\nhint: {}", command(&packages));
    }
    if !packages.is_empty() {
        debian::install(sh, &packages)?;
    }
    for (need, _) in &missing {
        need.install(sh)?;
    }
    require_all(sh, &missing)
}

/// What an installation has not brought, such as a version that is too old, is named.
fn require_all(sh: &Shell, missing: &[(Need, &Missing)]) -> Result<()> {
    for (need, _) in missing {
        if let State::Missing(missing) = need.look(sh) {
            bail!("{need} is still missing after the set-up\n\nhint: {missing}");
        }
    }
    Ok(())
}

fn packages(missing: &[(Need, &Missing)]) -> Vec<&'static str> {
    let packages = missing.iter().filter_map(|(_, missing)| match missing {
        Missing::Debian(packages) => Some(*packages),
        Missing::Own(_) | Missing::ByHand(_) => None,
    });
    packages.flatten().copied().collect()
}

/// The one command that brings everything.
fn command(packages: &[&str]) -> String {
    let own = "cargo xtask setup";
    if packages.is_empty() {
        return own.to_owned();
    }
    format!("{} && {own}", debian::command(packages))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_command_brings_everything() {
        assert_eq!(command(&[]), "cargo xtask setup");
        assert_eq!(
            command(&["jo", "ruby"]),
            "sudo apt-get update && sudo apt-get install --no-install-recommends jo ruby \
             && cargo xtask setup"
        );
    }

    #[test]
    fn packages_of_debian_are_installed_together() {
        let jo = (CHROMIUM, &Missing::Debian(&["chromium"]));
        let own = (Need::Venv(Venv::TESTS), &Missing::Own("python3 -m venv".to_owned()));
        let node = (Need::Node, &Missing::Debian(&["nodejs", "npm"]));
        assert_eq!(packages(&[jo, own, node]), ["chromium", "nodejs", "npm"]);
    }
}
