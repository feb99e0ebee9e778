//! The versions of Python beside the one that all tests run with: those tests that touch Python run with
//! each that is installed.
#![expect(
    clippy::print_stdout,
    reason = "what was tested with which version is part of the result"
)]

use std::env;
use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use xshell::{Shell, cmd};

use crate::venv::{self, Venv};
use crate::workspace;

/// The files of `tests` that touch Python: its contract, environments, `owt.summat`, the seed, streams,
/// cancellation, isolation, the life of workers, and threads.
const FILES: [&str; 14] = [
    "test_abandoned.py",
    "test_environment.py",
    "test_isolation.py",
    "test_leaving.py",
    "test_poison.py",
    "test_python.py",
    "test_reply.py",
    "test_request.py",
    "test_same_thread.py",
    "test_seed.py",
    "test_stream.py",
    "test_summat.py",
    "test_threads.py",
    "test_worker_life.py",
];

/// How many tests of one version run at the same time: there are those of the other versions beside them.
const AT_ONCE: [&str; 2] = ["--numprocesses", "2"];

/// Leaves out those that take each interpreter in turn whichever they run with.
const SELECTION: [&str; 2] = ["-m", "not each_interpreter"];

/// A version of Python, such as `3.12`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Version(&'static str);

impl Version {
    /// All that owt supports, as `tests/harness/pythons.py` has them.
    pub(crate) const ALL: [Self; 3] = [Self("3.11"), Self("3.12"), Self("3.13")];

    /// Its interpreter, if it is installed: by pyenv, or by the system.
    pub(crate) fn interpreter(self) -> Option<PathBuf> {
        let of_system = ["/usr/local/bin", "/usr/bin"]
            .map(|folder| Path::new(folder).join(format!("python{self}")));
        self.of_pyenv().into_iter().chain(of_system).find(|path| path.is_file())
    }

    fn of_pyenv(self) -> Vec<PathBuf> {
        let root = env::var_os("PYENV_ROOT").map(PathBuf::from);
        let root = root.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".pyenv")));
        let installed = root.and_then(|root| root.join("versions").read_dir().ok());
        let entries = installed.into_iter().flatten().flatten();
        let fitting = entries.filter(|entry| self.is_of(&entry.file_name().to_string_lossy()));
        fitting.map(|entry| entry.path().join("bin/python3")).collect()
    }

    /// Whether a release, such as `3.12.1`, is of this version.
    fn is_of(self, release: &str) -> bool {
        let patch = release.strip_prefix(self.0).and_then(|rest| rest.strip_prefix('.'));
        patch.is_some_and(|patch| patch.bytes().all(|byte| byte.is_ascii_digit()))
    }

    /// Whether there is something to run: it is installed, and is not what all tests run with anyway.
    pub(crate) fn is_tested(self, sh: &Shell) -> bool {
        self.interpreter().is_some() && !self.is_main(sh)
    }

    fn is_main(self, sh: &Shell) -> bool {
        let (python, script) =
            (venv::interpreter(), "import sys; print('%d.%d' % sys.version_info[:2])");
        let version = cmd!(sh, "{python} -c {script}").quiet().ignore_stderr().read();
        version.is_ok_and(|version| version == self.0)
    }

    /// The virtualenv of its tests.
    pub(crate) const fn venv(self) -> Venv {
        Venv::TESTS.with(self)
    }

    /// How it gets here.
    pub(crate) fn remedy(self) -> String {
        format!("pyenv install {self}")
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// The tests, as they run with one version.
struct Run {
    version: Version,
    log: PathBuf,
    pytest: Child,
    begun: Instant,
}

impl Run {
    fn start(sh: &Shell, version: Version) -> Result<Self> {
        let log = workspace::target()?.join(format!("test/versions-{version}.log"));
        let output = File::create(&log)?;
        let mut pytest = Command::new(version.venv().python()?);
        pytest.args(["-m", "pytest"]).args(AT_ONCE).args(SELECTION).args(FILES);
        pytest.env("PATH", path_of(version)?).current_dir(sh.current_dir().join("tests"));
        pytest.env("OWT_BIN", workspace::target()?.join("debug/owt"));
        let pytest = pytest.stdout(output.try_clone()?).stderr(output).spawn()?;
        Ok(Self { version, log, pytest, begun: Instant::now() })
    }

    /// Waits for its end, prints what it has printed, and says whether all is well.
    fn finish(mut self, sh: &Shell) -> Result<bool> {
        let status = self.pytest.wait()?;
        println!("{}", sh.read_file(&self.log)?);
        println!("Python {}: {} s", self.version, self.begun.elapsed().as_secs());
        Ok(status.success())
    }
}

/// The path of programs, on which a test that takes `python3` from it finds this version.
fn path_of(version: Version) -> Result<std::ffi::OsString> {
    let base = version.interpreter().context("the version is installed")?;
    let path = env::var_os("PATH").unwrap_or_default();
    let bin = base.parent().map(Path::to_path_buf);
    Ok(env::join_paths(bin.into_iter().chain(env::split_paths(&path)))?)
}

/// Runs the tests with each version at the same time, since they wait more than they compute; and says
/// with which versions nothing is tested.
pub(crate) fn test(sh: &Shell) -> Result<()> {
    workspace::build(sh)?;
    sh.create_dir(workspace::target()?.join("test"))?;
    let tested = Version::ALL.into_iter().filter(|version| version.is_tested(sh));
    let runs: Vec<Run> = tested.map(|version| Run::start(sh, version)).collect::<Result<_>>()?;
    let outcomes: Vec<bool> = runs.into_iter().map(|run| run.finish(sh)).collect::<Result<_>>()?;
    for version in Version::ALL.into_iter().filter(|version| version.interpreter().is_none()) {
        let (number, remedy) = (number(sh)?, version.remedy());
        println!(
            "Python {version} is not installed: {number} were not run with it; hint: {remedy}"
        );
    }
    ensure!(outcomes.iter().all(|is_good| *is_good), "tests have failed");
    Ok(())
}

/// How many tests there are, such as `302 tests`.
fn number(sh: &Shell) -> Result<String> {
    let python = Venv::TESTS.python()?;
    let _inside = sh.push_dir("tests");
    let collect = ["-m", "pytest", "--collect-only", "--quiet"];
    let listed = cmd!(sh, "{python} {collect...} {SELECTION...} {FILES...}").quiet().read()?;
    let last = listed.lines().last().unwrap_or_default();
    Ok(format!("{} tests", last.split(['/', ' ']).next().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_of_its_version() {
        let version = Version("3.1");
        let releases = ["3.1.0", "3.1.12", "3.1", "3.12.1", "3.1-dev", "3.1.0t", "3.1.0rc1"];
        assert_eq!(
            releases.map(|release| version.is_of(release)),
            [true, true, false, false, false, false, false]
        );
    }
}
