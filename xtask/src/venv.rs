//! Virtualenvs in the target folder, rebuilt whenever their requirements or their Python change.

use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::{Context as _, Result};
use xshell::{Shell, cmd};

use crate::version::Version;
use crate::workspace;

/// A virtualenv with everything in its requirements file installed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Venv {
    name: &'static str,
    requirements: &'static str,
    options: &'static [&'static str],
    /// The version of Python that it is made with, if that is not the one that the server is tested with.
    version: Option<Version>,
}

impl Venv {
    /// The Python tests run in this one.
    pub(crate) const TESTS: Self =
        Self { name: "venv", requirements: "tests/requirements.txt", options: &[], version: None };

    /// The adaptors of the examples run in this one, which has models.
    pub(crate) const MODELS: Self = Self {
        name: "models",
        requirements: "tests/models.txt",
        // The file lists it all, since one package asks for gigabytes that no example uses.
        options: &["--no-deps"],
        version: None,
    };

    /// The servers that owt is benchmarked against run in this one.
    pub(crate) const BENCH: Self = Self {
        name: "bench-venv",
        requirements: "xtask/src/bench/by_hand/requirements.txt",
        options: &[],
        version: None,
    };

    /// The wheel is made, checked and installed by programs in this one.
    pub(crate) const WHEEL: Self = Self {
        name: "wheel-venv",
        requirements: "xtask/src/wheel/requirements.txt",
        options: &[],
        version: None,
    };

    /// The same, made with another version of Python.
    pub(crate) const fn with(self, version: Version) -> Self {
        Self { version: Some(version), ..self }
    }

    /// Makes it, unless it is up to date.
    pub(crate) fn ensure(self, sh: &Shell) -> Result<()> {
        if self.is_up_to_date(sh) { Ok(()) } else { self.make(sh) }
    }

    /// Whether it exists, with what its requirements file lists now.
    pub(crate) fn is_up_to_date(self, sh: &Shell) -> bool {
        let stamp = self.stamp_path().and_then(|path| Ok(sh.read_file(path)?));
        matches!((stamp, self.expected_stamp(sh)), (Ok(stamp), Ok(expected)) if stamp == expected)
    }

    /// How to make it by hand.
    pub(crate) fn manual_steps(self) -> String {
        let install = [&["pip", "install"], self.options, &["-r", self.requirements]].concat();
        format!("{} -m venv target/{}, {}", self.base(), self.folder_name(), install.join(" "))
    }

    /// Its requirements file, from the repository's root.
    pub(crate) fn requirements(self) -> &'static str {
        self.requirements
    }

    /// Its interpreter.
    pub(crate) fn python(self) -> Result<PathBuf> {
        self.program("python")
    }

    /// One of its programs.
    pub(crate) fn program(self, name: &str) -> Result<PathBuf> {
        Ok(self.programs()?.join(name))
    }

    /// The folder of its programs.
    pub(crate) fn programs(self) -> Result<PathBuf> {
        Ok(self.folder()?.join("bin"))
    }

    /// The interpreter that it is made with.
    fn base(self) -> String {
        let other = self.version.and_then(Version::interpreter);
        other.map_or_else(interpreter, |path| path.display().to_string())
    }

    fn folder_name(self) -> String {
        self.version
            .map_or_else(|| self.name.to_owned(), |version| format!("{}-{version}", self.name))
    }

    fn folder(self) -> Result<PathBuf> {
        Ok(workspace::target()?.join(self.folder_name()))
    }

    fn stamp_path(self) -> Result<PathBuf> {
        Ok(self.folder()?.join("made-from.txt"))
    }

    /// The content of the stamp file of an up-to-date virtualenv.
    fn expected_stamp(self, sh: &Shell) -> Result<String> {
        let requirements = sh.read_file(workspace::root().join(self.requirements))?;
        Ok(format!("{}\n{requirements}", description(sh, &self.base())?))
    }

    fn make(self, sh: &Shell) -> Result<()> {
        let (base, folder, python) = (self.base(), self.folder()?, self.python()?);
        let (uv, options, requirements) = (self.program("uv")?, self.options, self.requirements);
        let _inside = sh.push_dir(workspace::root());
        remove_link(&folder)?;
        cmd!(sh, "{base} -m venv --clear {folder}").run()?;
        let pinned = uv_requirement(sh)?;
        cmd!(sh, "{python} -m pip install --quiet {pinned}").run()?;
        cmd!(sh, "{uv} pip install --quiet --python {folder} {options...} -r {requirements}")
            .run()?;
        // Written last, so that a set-up that was cut short is done again.
        sh.write_file(self.stamp_path()?, self.expected_stamp(sh)?)?;
        Ok(())
    }
}

/// Removes a link to the virtualenv of another checkout: `venv --clear` would empty that one.
fn remove_link(folder: &Path) -> Result<()> {
    if folder.is_symlink() {
        fs::remove_file(folder)?;
    }
    Ok(())
}

/// What fills virtualenvs, since pip takes minutes where it takes seconds: in the version of the tests.
fn uv_requirement(sh: &Shell) -> Result<String> {
    let requirements = sh.read_file(Venv::TESTS.requirements)?;
    let pinned = requirements.lines().find(|line| line.starts_with("uv=="));
    Ok(pinned.context("uv is among the packages of the tests")?.to_owned())
}

/// The interpreter that the server is built for, found as PyO3 finds it.
pub(crate) fn interpreter() -> String {
    env::var("PYO3_PYTHON").unwrap_or_else(|_| "python3".to_owned())
}

/// What a virtualenv is made from again if it changes.
fn description(sh: &Shell, python: &str) -> Result<String> {
    let script = "import sys; print('#', sys.version, sys.base_prefix)";
    Ok(cmd!(sh, "{python} -c {script}").quiet().ignore_stderr().read()?)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn the_virtualenv_of_another_checkout_is_left_as_it_is() {
        let folder = Shell::new().unwrap().create_temp_dir().unwrap();
        let (theirs, ours) = (folder.path().join("theirs"), folder.path().join("ours"));
        fs::create_dir(&theirs).unwrap();
        symlink(&theirs, &ours).unwrap();
        remove_link(&ours).unwrap();
        remove_link(&theirs).unwrap();
        assert!(theirs.is_dir() && !ours.is_symlink());
    }
}
