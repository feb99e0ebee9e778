//! The program `uv`, which resolves and installs: found, and run without a shell.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use owt_common::leftovers::MARK_VARIABLE;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::error::EnvironmentError;
use super::progress::Progress;
use super::spec::Python;
use crate::interpreter::{Installation, InterpreterError, OLDEST_MINOR, is_executable, on_path};
use crate::pool::Subreaper;
use crate::secrets;

/// Variables with which `uv` would make another environment than it is told, or elsewhere.
const MISLEADING: [&str; 8] = [
    "CONDA_PREFIX",
    "UV_FROZEN",
    "UV_LOCKED",
    "UV_MANAGED_PYTHON",
    "UV_PROJECT",
    "UV_PROJECT_ENVIRONMENT",
    "UV_PYTHON",
    "UV_WORKING_DIR",
];

/// The most bytes of a line of its output.
const MAX_LINE: usize = 4096;

/// How long its output is read after it has ended: something that it started may keep it open.
const OUTPUT_TIMEOUT: Duration = Duration::from_millis(200);

/// The program `uv` that a server with this Python installs with, if there is one.
#[must_use]
pub fn find_uv(python: &Path) -> Option<PathBuf> {
    Uv::find(python).map(|uv| uv.program)
}

/// A program `uv`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Uv {
    program: PathBuf,
}

impl Uv {
    #[cfg(test)]
    pub(super) fn at(program: PathBuf) -> Self {
        Self { program }
    }

    /// Finds it on the path, beside the server's Python or this program, or where its own installer and
    /// `pip install --user` put it.
    pub(crate) fn find(python: &Path) -> Option<Self> {
        let beside = python.parent().map(|bin| bin.join("uv"));
        let installed = Installation::of_this_program().map(|found| found.folder.join("bin/uv"));
        let user = std::env::var_os("HOME").map(|home| Path::new(&home).join(".local/bin/uv"));
        let places = [beside, installed, user].into_iter().flatten();
        let elsewhere = || places.into_iter().find(|path| is_executable(path));
        on_path("uv").or_else(elsewhere).map(|program| Self { program })
    }

    /// Installs what the script at a path names into a virtualenv, which it makes. It is killed, with what
    /// it has started, when the future is dropped.
    ///
    /// The lock of the environment is its standard input, so that it holds the lock for as long as it
    /// runs, also when this server is killed.
    pub(super) async fn sync(
        &self,
        sync: &Sync<'_>,
        lock: &File,
        subreaper: &Subreaper,
        progress: &Progress,
    ) -> Result<(), EnvironmentError> {
        let python = match &sync.python {
            Python::Own(python) => python.to_path_buf(),
            // By itself, `sync` would say of a Python that is not there only that there is no virtualenv.
            Python::Other(versions) => {
                let mut command = self.command(sync);
                command.args(["venv", "--quiet", "--python", versions]).arg(sync.virtualenv);
                self.run(command, lock, subreaper, progress).await?;
                sync.virtualenv.join("bin/python")
            }
        };
        let mut command = self.command(sync);
        command.args(["sync", "--no-progress", "--active"]);
        command.args(sync.is_locked.then_some("--frozen"));
        command.arg("--script").arg(sync.script).arg("--python").arg(python);
        self.run(command, lock, subreaper, progress).await
    }

    /// Its process is to be where the server was started, because paths in its variables are relative to
    /// that. But no project there, or in a folder above that of the environment, is to have its say.
    fn command(&self, sync: &Sync<'_>) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("--project").arg(sync.project);
        secrets::variables().chain(MISLEADING.map(str::to_owned)).for_each(|name| {
            command.env_remove(name);
        });
        if std::env::var_os("UV_PYTHON_DOWNLOADS").is_none() {
            command.env("UV_PYTHON_DOWNLOADS", "never");
        }
        command.env("VIRTUAL_ENV", sync.virtualenv).env("PATH", with_pyenv()).env("NO_COLOR", "1");
        command
    }

    async fn run(
        &self,
        mut command: Command,
        lock: &File,
        subreaper: &Subreaper,
        progress: &Progress,
    ) -> Result<(), EnvironmentError> {
        command
            .env(MARK_VARIABLE, subreaper.mark())
            .stdin(Stdio::from(lock.try_clone()?))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        let status = Running::spawn(command, subreaper)?.ended(progress).await?;
        match status.success() {
            true => Ok(()),
            false => Err(EnvironmentError::Failed(words(progress, status))),
        }
    }
}

/// What the file says that marks a virtualenv of `uv`: the version of its Python, if that can run workers.
/// Asking it would be another process, and the file is `uv`'s own.
pub(super) fn python_version(virtualenv: &Path) -> Result<String, EnvironmentError> {
    let text = std::fs::read_to_string(virtualenv.join("pyvenv.cfg"))?;
    let value = |key: &str| {
        let mut pairs = text.lines().filter_map(|line| line.split_once('='));
        let found = pairs.find(|(name, _)| name.trim() == key);
        found.map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
    };
    let (path, version) = (virtualenv.join("bin/python"), value("version_info"));
    let implementation = value("implementation");
    if !implementation.eq_ignore_ascii_case("cpython") {
        return Err(InterpreterError::NotCPython { path, name: implementation }.into());
    }
    match minor(&version).is_some_and(|minor| minor >= OLDEST_MINOR) {
        true => Ok(version),
        false => Err(InterpreterError::TooOld { path, version }.into()),
    }
}

/// The minor version of a Python 3.
fn minor(version: &str) -> Option<u8> {
    version.strip_prefix("3.")?.split('.').next()?.parse().ok()
}

/// What to install, and where.
pub(super) struct Sync<'a> {
    /// The folder where `uv` looks for settings of a project.
    pub(super) project: &'a Path,
    pub(super) script: &'a Path,
    pub(super) virtualenv: &'a Path,
    pub(super) python: Python<'a>,
    /// Whether what to install is in a lock beside the script.
    pub(super) is_locked: bool,
}

/// The path, and behind it the versions that pyenv has installed: `uv` knows only its own, and pyenv's
/// shims run just the versions that are selected.
fn with_pyenv() -> OsString {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let root = std::env::var_os("PYENV_ROOT").map(PathBuf::from);
    let home = std::env::var_os("HOME").map(|home| Path::new(&home).join(".pyenv"));
    let versions = root.or(home).map(|root| root.join("versions"));
    let folders = std::env::split_paths(&path).chain(versions.iter().flat_map(|dir| pythons(dir)));
    std::env::join_paths(folders).unwrap_or(path)
}

/// The `bin` folders of the versions of Python that owt runs with, the newest first.
fn pythons(versions: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(versions).into_iter().flatten().flatten();
    let mut found: Vec<(u8, PathBuf)> = entries
        .filter_map(|entry| Some((minor(entry.file_name().to_str()?)?, entry.path().join("bin"))))
        .filter(|(minor, _)| *minor >= OLDEST_MINOR)
        .collect();
    found.sort_by(|one, other| other.cmp(one));
    found.into_iter().map(|(_, bin)| bin).collect()
}

/// What it has said of its failure.
fn words(progress: &Progress, status: ExitStatus) -> String {
    let lines = progress.lines();
    match lines.is_empty() {
        true => format!("it ended with {status}"),
        false => lines.join("\n"),
    }
}

/// A process that leads a group, which is killed when this is dropped.
struct Running<'a> {
    child: Child,
    pid: Option<Pid>,
    is_over: bool,
    /// Takes it for an orphan otherwise.
    subreaper: &'a Subreaper,
}

impl<'a> Running<'a> {
    fn spawn(command: Command, subreaper: &'a Subreaper) -> io::Result<Self> {
        let child = subreaper.spawn(command)?;
        let pid = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        Ok(Self { child, pid, is_over: false, subreaper })
    }

    /// Waits for its end, and notes each line of its output.
    async fn ended(mut self, progress: &Progress) -> io::Result<ExitStatus> {
        let output = self.child.stderr.take();
        let mut reading = std::pin::pin!(async {
            match output {
                Some(output) => read_lines(output, |line| progress.note(line)).await,
                None => Ok(()),
            }
        });
        let mut is_read = false;
        let status = loop {
            tokio::select! {
                _ = &mut reading, if !is_read => is_read = true,
                status = self.child.wait() => break status?,
            }
        };
        if !is_read {
            let _ = timeout(OUTPUT_TIMEOUT, reading).await;
        }
        // Its id may be another's from now on.
        self.is_over = true;
        Ok(status)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let Some(pid) = self.pid else { return };
        if !self.is_over {
            let _ = kill_process_group(pid, Signal::KILL);
        }
        self.subreaper.remove(pid);
    }
}

/// Hands on each line of an output. Of a long one, only the beginning is kept.
async fn read_lines(
    mut output: impl AsyncRead + Unpin,
    mut note: impl FnMut(&str),
) -> io::Result<()> {
    let (mut line, mut chunk) = (Vec::new(), vec![0; MAX_LINE]);
    loop {
        let read = output.read(&mut chunk).await?;
        for byte in &chunk[..read] {
            match byte {
                b'\n' | b'\r' => note_bytes(&mut line, &mut note),
                _ if line.len() < MAX_LINE => line.push(*byte),
                _ => {}
            }
        }
        if read == 0 {
            note_bytes(&mut line, &mut note);
            return Ok(());
        }
    }
}

fn note_bytes(line: &mut Vec<u8>, note: &mut impl FnMut(&str)) {
    if !line.is_empty() {
        note(&String::from_utf8_lossy(line));
        line.clear();
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[tokio::test]
    async fn output_is_read_line_by_line_and_long_lines_are_cut() {
        let text = format!("one\r\ntwo\n\n{}\nlast", "x".repeat(3 * MAX_LINE));
        let mut lines = Vec::new();
        read_lines(text.as_bytes(), |line| lines.push(line.to_owned())).await.unwrap();
        assert_eq!(lines, ["one", "two", &"x".repeat(MAX_LINE), "last"]);
    }

    #[rstest]
    #[case("CPython", "3.13.0", Ok("3.13.0"))]
    #[case("CPython", "3.10.1", Err("/bin/python is Python 3.10.1, and owt needs 3.11 or newer"))]
    #[case("PyPy", "3.11.1", Err("/bin/python is PyPy, and owt needs CPython"))]
    fn the_python_of_a_virtualenv_can_run_workers_or_is_refused(
        #[case] name: &str,
        #[case] version: &str,
        #[case] expected: Result<&str, &str>,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let text = format!("home = /x\nimplementation = {name}\nversion_info = {version}\n");
        std::fs::write(folder.path().join("pyvenv.cfg"), text).unwrap();
        match (python_version(folder.path()), expected) {
            (Ok(version), Ok(expected)) => assert_eq!(version, expected),
            (Err(err), Err(expected)) => assert!(err.to_string().contains(expected), "{err}"),
            (found, _) => panic!("{found:?}"),
        }
    }

    #[test]
    fn pythons_of_pyenv_are_found_the_newest_first() {
        let root = tempfile::tempdir().unwrap();
        for name in ["2.7.18", "3.9.18", "3.11.7", "3.13.0", "3.12.1", "pypy3.10", "venv"] {
            std::fs::create_dir(root.path().join(name)).unwrap();
        }
        let expected =
            ["3.13.0", "3.12.1", "3.11.7"].map(|name| root.path().join(name).join("bin"));
        assert_eq!(pythons(root.path()), expected);
    }
}
