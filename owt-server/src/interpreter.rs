//! Finds the Python of the workers: any CPython from 3.11 on.

mod installation;

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

pub use installation::Installation;

/// The oldest version of Python 3 that has all of the stable ABI that workers use.
pub const OLDEST_MINOR: u8 = 11;

/// A Python that can run workers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interpreter {
    /// What it says itself of where it is: shims, such as those of pyenv, are left out.
    pub executable: PathBuf,
    /// Its version, such as `3.12.4`.
    pub version: String,
    /// Why it was taken.
    pub origin: Origin,
}

/// Where a Python was found, in the order in which it is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// `--python`, or `OWT_PYTHON`.
    Named,
    /// `VIRTUAL_ENV`, which activating a virtualenv sets.
    Virtualenv,
    /// `CONDA_PREFIX`, which activating a conda environment sets.
    Conda,
    /// The folder `.venv` in the start directory.
    DotVenv,
    /// The environment that owt is installed in.
    Installation,
    /// `python3` on the path.
    Path,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Origin::Named => "--python",
            Origin::Virtualenv => "VIRTUAL_ENV",
            Origin::Conda => "CONDA_PREFIX",
            Origin::DotVenv => ".venv",
            Origin::Installation => "where owt is installed",
            Origin::Path => "python3 on the path",
        })
    }
}

/// Where to look for Python.
#[derive(Debug, Clone, Default)]
pub struct Places {
    /// An interpreter, the folder of a virtualenv, or a name on the path.
    pub named: Option<PathBuf>,
    /// The active virtualenv.
    pub virtualenv: Option<PathBuf>,
    /// The active conda environment.
    pub conda: Option<PathBuf>,
    /// Where owt was started.
    pub start_directory: PathBuf,
    /// The environment that owt is installed in. It comes before `python3` on the path if it is the
    /// user's, and after that if it is a tool's own.
    pub installation: Option<Installation>,
}

/// One place, and what is there.
#[derive(Debug)]
pub struct Candidate {
    /// Which place it is.
    pub origin: Origin,
    /// What it names.
    pub path: PathBuf,
    /// The interpreter there, or why there is none that can be used.
    pub outcome: Result<Interpreter, InterpreterError>,
}

/// Why a Python cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InterpreterError {
    /// The path that `--python` names is not an interpreter and contains none.
    #[error("--python {}: there is no Python interpreter", .0.display())]
    NotThere(PathBuf),
    /// A variable names a folder without an interpreter.
    #[error(
        "{origin} is {folder}, but there is no bin/python in it; deactivate it or make it anew"
    )]
    Broken {
        /// The variable.
        origin: Origin,
        /// What it names.
        folder: PathBuf,
    },
    /// The interpreter does not run, or does not say what it is.
    #[error("{path} does not run: {why}")]
    DoesNotRun {
        /// The interpreter.
        path: PathBuf,
        /// What happened instead.
        why: String,
    },
    /// Its version is too old.
    #[error(
        "{path} is Python {version}, and owt needs 3.{OLDEST_MINOR} or newer; name another one with --python, \
         or make a virtualenv of one"
    )]
    TooOld {
        /// The interpreter.
        path: PathBuf,
        /// Its version.
        version: String,
    },
    /// It is not CPython.
    #[error(
        "{path} is {name}, and owt needs CPython, the Python of python.org; name one with --python"
    )]
    NotCPython {
        /// The interpreter.
        path: PathBuf,
        /// What it is, such as `pypy`.
        name: String,
    },
    /// It is a free-threaded build.
    #[error(
        "{path} is a free-threaded build of Python {version}, for which owt has no extension module; name one \
         with the GIL with --python"
    )]
    FreeThreaded {
        /// The interpreter.
        path: PathBuf,
        /// Its version.
        version: String,
    },
    /// There is no Python in any of the places.
    #[error(
        "no Python was found; install Python 3.{OLDEST_MINOR} or newer, or name one with --python"
    )]
    None,
}

impl Places {
    /// What the environment of this process says.
    ///
    /// # Errors
    /// When the start directory has been removed.
    pub fn of_environment(named: Option<PathBuf>) -> std::io::Result<Self> {
        let folder =
            |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(Into::into);
        Ok(Self {
            named,
            virtualenv: folder("VIRTUAL_ENV"),
            conda: folder("CONDA_PREFIX"),
            start_directory: std::env::current_dir()?,
            installation: Installation::of_this_program(),
        })
    }

    /// Finds the Python of the workers: the first one that is named in any of the places.
    ///
    /// # Errors
    /// When that cannot be used, or there is none.
    pub fn find(&self) -> Result<Interpreter, InterpreterError> {
        self.candidates().next().map_or(Err(InterpreterError::None), |candidate| candidate.outcome)
    }

    /// What is in each place, in order. The first one is taken.
    pub fn candidates(&self) -> impl Iterator<Item = Candidate> {
        let in_environment = |origin, folder: &Option<PathBuf>| {
            let folder = folder.clone()?;
            Some(Candidate { origin, outcome: in_folder(origin, &folder), path: folder })
        };
        let installed = move |is_tool| {
            let found = self.installation.as_ref().filter(|found| found.is_tool == is_tool);
            in_environment(Origin::Installation, &found.map(|found| found.folder.clone()))
        };
        let places: [Box<dyn FnOnce() -> Option<Candidate> + '_>; 7] = [
            Box::new(|| {
                let path = self.named.clone()?;
                Some(Candidate { origin: Origin::Named, outcome: from_named(&path), path })
            }),
            Box::new(move || in_environment(Origin::Virtualenv, &self.virtualenv)),
            Box::new(move || in_environment(Origin::Conda, &self.conda)),
            Box::new(move || {
                let folder = self.start_directory.join(".venv");
                let folder = folder.join("pyvenv.cfg").is_file().then_some(folder);
                in_environment(Origin::DotVenv, &folder)
            }),
            Box::new(move || installed(false)),
            Box::new(|| {
                let path = on_path("python3")?;
                Some(Candidate { origin: Origin::Path, outcome: query(&path, Origin::Path), path })
            }),
            Box::new(move || installed(true)),
        ];
        places.into_iter().filter_map(|place| place())
    }
}

fn in_folder(origin: Origin, folder: &Path) -> Result<Interpreter, InterpreterError> {
    let executable = in_bin(folder)
        .ok_or_else(|| InterpreterError::Broken { origin, folder: folder.to_path_buf() })?;
    query(&executable, origin)
}

fn from_named(named: &Path) -> Result<Interpreter, InterpreterError> {
    let not_there = || InterpreterError::NotThere(named.to_path_buf());
    let executable = if named.is_dir() {
        in_bin(named).ok_or_else(not_there)?
    } else if named.components().count() == 1 && !named.exists() {
        on_path(named).ok_or_else(not_there)?
    } else {
        std::path::absolute(named).map_err(|_| not_there())?
    };
    match executable.is_file() {
        true => query(&executable, Origin::Named),
        false => Err(not_there()),
    }
}

fn in_bin(folder: &Path) -> Option<PathBuf> {
    let bin = std::path::absolute(folder).ok()?.join("bin");
    ["python", "python3"].into_iter().map(|name| bin.join(name)).find(|path| path.is_file())
}

/// The first program of a name on the path. `uvx` puts the environment of the tool that it runs at the
/// front, which is not where the user's packages are.
fn on_path(name: impl AsRef<OsStr>) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let name = name.as_ref();
    let is_tool = |bin: &Path| Installation::of_bin(bin).is_some_and(|found| found.is_tool);
    let folders = std::env::split_paths(&path).filter(|folder| !is_tool(folder));
    folders.map(|folder| folder.join(name)).find(|path| path.is_file())
}

/// Asks an interpreter what it is.
fn query(path: &Path, origin: Origin) -> Result<Interpreter, InterpreterError> {
    // Works in any Python, also in Python 2.
    const SCRIPT: &str = "import sys
name = getattr(sys, 'implementation', None)
is_threaded = 't' in getattr(sys, 'abiflags', '')
print('owt:' + '\\n'.join((getattr(name, 'name', 'Python 2'), '.'.join(map(str, sys.version_info[:3])),
    str(is_threaded), sys.executable or '')))";
    let fails = |why: String| InterpreterError::DoesNotRun { path: path.to_path_buf(), why };
    let output = Command::new(path)
        .args(["-I", "-S", "-c", SCRIPT])
        .stdin(Stdio::null())
        .output()
        .map_err(|err| fails(err.to_string()))?;
    let answer = String::from_utf8_lossy(&output.stdout);
    let answer = answer.split_once("owt:").map_or("", |(_, answer)| answer);
    let [name, version, is_threaded, executable] = answer.lines().collect::<Vec<_>>()[..] else {
        return Err(fails(last_words(&output.stderr, output.status)));
    };
    let (found, version) = (path.to_path_buf(), version.to_owned());
    if name != "cpython" {
        return Err(InterpreterError::NotCPython { path: found, name: name.to_owned() });
    }
    if minor(&version).is_none_or(|minor| minor < OLDEST_MINOR) {
        return Err(InterpreterError::TooOld { path: found, version });
    }
    if is_threaded == "True" {
        return Err(InterpreterError::FreeThreaded { path: found, version });
    }
    let executable = if executable.is_empty() { found } else { executable.into() };
    Ok(Interpreter { executable, version, origin })
}

/// The last line that a process has printed, or how it ended.
fn last_words(stderr: &[u8], status: std::process::ExitStatus) -> String {
    let stderr = String::from_utf8_lossy(stderr);
    let last = stderr.lines().rev().find(|line| !line.trim().is_empty());
    last.map_or_else(|| status.to_string(), str::to_owned)
}

/// The minor version of a Python 3.
fn minor(version: &str) -> Option<u8> {
    version.strip_prefix("3.")?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use rstest::rstest;

    use super::*;

    /// A folder with a `bin/python` that prints what is given.
    fn environment(answer: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let python = folder.path().join("bin/python");
        std::fs::create_dir(folder.path().join("bin")).unwrap();
        std::fs::write(&python, format!("#!/bin/sh\n{answer}\n")).unwrap();
        std::fs::set_permissions(&python, std::fs::Permissions::from_mode(0o700)).unwrap();
        std::fs::write(folder.path().join("pyvenv.cfg"), "").unwrap();
        folder
    }

    const GOOD: &str = "printf 'owt:cpython\\n3.12.1\\nFalse\\n/real/python\\n'";

    #[test]
    fn what_is_named_comes_before_what_is_active_and_that_before_the_rest() {
        let [named, virtualenv, conda] = [GOOD; 3].map(environment);
        let start = tempfile::tempdir().unwrap();
        let mut places = Places {
            named: Some(named.path().to_path_buf()),
            virtualenv: Some(virtualenv.path().to_path_buf()),
            conda: Some(conda.path().to_path_buf()),
            start_directory: start.path().to_path_buf(),
            installation: None,
        };
        let origins =
            |places: &Places| places.candidates().map(|found| found.origin).collect::<Vec<_>>();
        let found = origins(&places);
        assert_eq!(found[..3], [Origin::Named, Origin::Virtualenv, Origin::Conda]);
        let expected = Interpreter {
            executable: "/real/python".into(),
            version: "3.12.1".to_owned(),
            origin: Origin::Named,
        };
        assert_eq!(places.find().unwrap(), expected);
        places.named = None;
        assert_eq!(places.find().unwrap().origin, Origin::Virtualenv);
        places.virtualenv = None;
        assert_eq!(places.find().unwrap().origin, Origin::Conda);
        places.conda = None;
        std::fs::rename(environment(GOOD).keep(), start.path().join(".venv")).unwrap();
        assert_eq!(places.find().unwrap().origin, Origin::DotVenv);
    }

    #[rstest]
    #[case::of_the_user(false, &[Origin::Installation, Origin::Path])]
    #[case::of_a_tool(true, &[Origin::Path, Origin::Installation])]
    fn where_owt_is_installed_comes_before_the_path_if_it_is_the_users(
        #[case] is_tool: bool,
        #[case] expected: &[Origin],
    ) {
        let (folder, start) = (environment(GOOD), tempfile::tempdir().unwrap());
        let installation = Installation { folder: folder.path().to_path_buf(), is_tool };
        let mut places = Places {
            start_directory: start.path().to_path_buf(),
            installation: Some(installation),
            ..Places::default()
        };
        let origins =
            |places: &Places| places.candidates().map(|found| found.origin).collect::<Vec<_>>();
        assert_eq!(origins(&places), expected);
        places.virtualenv = Some(folder.path().to_path_buf());
        assert_eq!(origins(&places), [&[Origin::Virtualenv], expected].concat());
    }

    #[rstest]
    #[case(
        "printf 'owt:cpython\\n3.10.9\\nFalse\\n\\n'",
        "is Python 3.10.9, and owt needs 3.11 or newer"
    )]
    #[case("printf 'owt:pypy\\n3.11.1\\nFalse\\n\\n'", "is pypy, and owt needs CPython")]
    #[case(
        "printf 'owt:cpython\\n3.13.1\\nTrue\\n\\n'",
        "is a free-threaded build of Python 3.13.1"
    )]
    #[case(
        "echo 'No module named encodings' >&2; exit 1",
        "does not run: No module named encodings"
    )]
    #[case("exit 3", "does not run: exit status: 3")]
    fn what_cannot_be_used_is_said_in_one_sentence(#[case] answer: &str, #[case] expected: &str) {
        let folder = environment(answer);
        let places = Places { named: Some(folder.path().to_path_buf()), ..Places::default() };
        let err = places.find().unwrap_err().to_string();
        assert!(err.contains(expected), "{err}");
    }

    #[test]
    fn an_environment_without_python_is_said_to_be_broken() {
        let folder = tempfile::tempdir().unwrap();
        let places = Places { virtualenv: Some(folder.path().to_path_buf()), ..Places::default() };
        let expected = format!(
            "VIRTUAL_ENV is {}, but there is no bin/python in it; deactivate it or make it anew",
            folder.path().display()
        );
        assert_eq!(places.find().unwrap_err().to_string(), expected);
    }

    #[test]
    fn a_path_with_nothing_at_it_is_refused() {
        let places = Places { named: Some("/nowhere/python".into()), ..Places::default() };
        let err = places.find().unwrap_err();
        assert_eq!(err.to_string(), "--python /nowhere/python: there is no Python interpreter");
    }
}
