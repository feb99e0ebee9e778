//! Virtualenvs in the target folder, made anew whenever their requirements or their Python change.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::Result;
use xshell::{Shell, cmd};

use crate::{debian, workspace};

/// A virtualenv with everything in its requirements file installed.
pub(crate) struct Venv {
    folder: PathBuf,
}

impl Venv {
    /// The virtualenv `target/<name>` for a requirements file of the repository.
    pub(crate) fn ensure(sh: &Shell, name: &str, requirements: &str) -> Result<Self> {
        let venv = Self { folder: workspace::target()?.join(name) };
        let requirements = workspace::root().join(requirements);
        let wanted = format!("{}\n{}", version(sh)?, sh.read_file(&requirements)?);
        let stamp = venv.folder.join("made-from.txt");
        if sh.read_file(&stamp).is_ok_and(|made_from| made_from == wanted) {
            return Ok(venv);
        }
        venv.make(sh, &requirements)?;
        // Written last, so that a set-up that was cut short is done again.
        sh.write_file(&stamp, wanted)?;
        Ok(venv)
    }

    /// Its interpreter.
    pub(crate) fn python(&self) -> PathBuf {
        self.folder.join("bin/python")
    }

    fn make(&self, sh: &Shell, requirements: &Path) -> Result<()> {
        let (base, folder, python) = (interpreter(), &self.folder, self.python());
        if cmd!(sh, "{base} -c 'import ensurepip'").quiet().ignore_stderr().run().is_err() {
            debian::install(sh, &["python3-venv"])?;
        }
        cmd!(sh, "{base} -m venv --clear {folder}").run()?;
        cmd!(sh, "{python} -m pip install --quiet --requirement {requirements}").run()?;
        Ok(())
    }
}

/// The interpreter that the server is built for, found as PyO3 finds it.
fn interpreter() -> String {
    env::var("PYO3_PYTHON").unwrap_or_else(|_| "python3".to_owned())
}

fn version(sh: &Shell) -> Result<String> {
    let python = interpreter();
    let script = "import sys; print('#', sys.version, sys.base_prefix)";
    Ok(cmd!(sh, "{python} -c {script}").quiet().read()?)
}
