//! Which Python the workers are: the active virtualenv's, one that was named, or the one that owt
//! was built for. No interpreter is started to find out, unless one was named that is in no virtualenv.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The interpreter that pyo3 found when owt was built.
const BUILT_WITH: &str = env!("OWT_BUILD_PYTHON");

/// The minor version of Python 3 that this binary is linked with.
pub const MINOR: u8 = match u8::from_str_radix(env!("OWT_PYTHON_MINOR"), 10) {
    Ok(minor) => minor,
    Err(_) => panic!("the build script gives a number"),
};

/// A Python that this binary can be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interpreter {
    /// What `sys.executable` will be.
    pub executable: PathBuf,
    /// Why it was this one: words that go behind "Python 3.11".
    pub origin: &'static str,
}

/// Why there is no Python to use.
#[derive(Debug, thiserror::Error)]
pub enum InterpreterError {
    /// The path that `--python` names is no interpreter and holds none.
    #[error("--python {0}: there is no Python interpreter")]
    NotThere(PathBuf),
    /// `VIRTUAL_ENV` names a folder without an interpreter.
    #[error("VIRTUAL_ENV is {0}, but there is no bin/python in it; deactivate it or make it anew")]
    BrokenVirtualenv(PathBuf),
    /// The interpreter could not be asked for its version.
    #[error("{path} does not run: {why}")]
    DoesNotRun {
        /// The interpreter.
        path: PathBuf,
        /// What happened instead.
        why: String,
    },
    /// The interpreter is of another minor version than this binary.
    #[error(
        "this owt is built for Python 3.{MINOR}, but {path} is Python {version}; build owt for it with \
         PYO3_PYTHON={path} cargo build --release, or use a virtualenv of Python 3.{MINOR}"
    )]
    OtherVersion {
        /// The interpreter.
        path: PathBuf,
        /// Its version, such as `3.12.4`.
        version: String,
    },
    /// Nothing was named, and the Python that owt was built with is gone.
    #[error("no Python 3.{MINOR} was found; install it, or name one with --python")]
    None,
}

/// Finds the interpreter: `named` (a file, or the folder of a virtualenv), else the virtualenv
/// `active`, else the one that owt was built with, else `python3.x` on the path.
///
/// # Errors
/// When what was named or is active cannot be used, or nothing at all was found.
pub fn find(named: Option<&Path>, active: Option<&Path>) -> Result<Interpreter, InterpreterError> {
    if let Some(named) = named {
        return from_named(named);
    }
    if let Some(active) = active {
        let executable = in_virtualenv(active)
            .ok_or_else(|| InterpreterError::BrokenVirtualenv(active.to_path_buf()))?;
        return accept(executable, "of the active virtualenv");
    }
    let built_with = Path::new(BUILT_WITH);
    if built_with.is_file() {
        return Ok(Interpreter {
            executable: built_with.into(),
            origin: "that owt was built with",
        });
    }
    let executable = on_path(&format!("python3.{MINOR}")).ok_or(InterpreterError::None)?;
    Ok(Interpreter { executable, origin: "found on the path" })
}

fn from_named(named: &Path) -> Result<Interpreter, InterpreterError> {
    let not_there = || InterpreterError::NotThere(named.to_path_buf());
    let executable = if named.is_dir() {
        in_virtualenv(named).ok_or_else(not_there)?
    } else if named.components().count() == 1 && !named.exists() {
        named.to_str().and_then(on_path).ok_or_else(not_there)?
    } else {
        std::path::absolute(named).map_err(|_| not_there())?
    };
    if !executable.is_file() {
        return Err(not_there());
    }
    accept(executable, "named by --python")
}

/// Accepts an interpreter if it is of the version that this binary is linked with.
fn accept(executable: PathBuf, origin: &'static str) -> Result<Interpreter, InterpreterError> {
    let (executable, version) = match virtualenv_version(&executable) {
        Some(version) => (executable, version),
        None => ask(&executable)?,
    };
    let minor = version.split('.').nth(1).and_then(|minor| minor.parse().ok());
    match version.starts_with("3.") && minor == Some(MINOR) {
        true => Ok(Interpreter { executable, origin }),
        false => Err(InterpreterError::OtherVersion { path: executable, version }),
    }
}

fn in_virtualenv(folder: &Path) -> Option<PathBuf> {
    let bin = std::path::absolute(folder).ok()?.join("bin");
    ["python", "python3"].into_iter().map(|name| bin.join(name)).find(|path| path.is_file())
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|path| path.is_file())
}

/// The version in `pyvenv.cfg` (PEP 405): `version` as venv and virtualenv write it, or uv's `version_info`.
fn virtualenv_version(executable: &Path) -> Option<String> {
    let config = executable.parent()?.parent()?.join("pyvenv.cfg");
    let text = std::fs::read_to_string(config).ok()?;
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    let mut pairs = pairs.map(|(key, value)| (key.trim(), value.trim()));
    pairs
        .find(|(key, _)| matches!(*key, "version" | "version_info"))
        .map(|(_, value)| value.to_owned())
}

/// Runs an interpreter to learn what it calls itself (a shim may stand before it) and its version.
fn ask(executable: &Path) -> Result<(PathBuf, String), InterpreterError> {
    const QUESTION: &str =
        "import sys; print(sys.executable); print('.'.join(map(str, sys.version_info[:3])))";
    let fails = |why: String| InterpreterError::DoesNotRun { path: executable.to_path_buf(), why };
    let output = Command::new(executable)
        .args(["-I", "-c", QUESTION])
        .output()
        .map_err(|err| fails(err.to_string()))?;
    let answer = String::from_utf8_lossy(&output.stdout);
    match answer.lines().collect::<Vec<_>>()[..] {
        [path, version] if output.status.success() => Ok((path.into(), version.to_owned())),
        _ => Err(fails(format!("it gave no version ({})", output.status))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn virtualenv(config: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("bin")).unwrap();
        std::fs::write(folder.path().join("bin/python"), "").unwrap();
        std::fs::write(folder.path().join("pyvenv.cfg"), config).unwrap();
        folder
    }

    #[test]
    fn the_active_virtualenv_comes_before_the_python_of_the_build() {
        let folder = virtualenv(&format!("home = /usr/bin\nversion = 3.{MINOR}.1\n"));
        let found = find(None, Some(folder.path())).unwrap();
        let executable = folder.path().join("bin/python");
        assert_eq!(found, Interpreter { executable, origin: "of the active virtualenv" });
    }

    #[test]
    fn a_virtualenv_of_another_version_is_refused_in_one_sentence() {
        let folder = virtualenv("version_info = 3.99.4\n");
        let err = find(Some(folder.path()), None).unwrap_err();
        let path = folder.path().join("bin/python");
        let path = path.display();
        assert_eq!(
            err.to_string(),
            format!(
                "this owt is built for Python 3.{MINOR}, but {path} is Python 3.99.4; build owt for it with \
                 PYO3_PYTHON={path} cargo build --release, or use a virtualenv of Python 3.{MINOR}"
            )
        );
    }

    #[test]
    fn a_virtualenv_without_python_is_said_to_be_broken() {
        let folder = tempfile::tempdir().unwrap();
        let err = find(None, Some(folder.path())).unwrap_err();
        assert!(matches!(err, InterpreterError::BrokenVirtualenv(path) if path == folder.path()));
    }

    #[test]
    fn a_named_interpreter_tells_its_own_path_and_version() {
        let found = find(Some(Path::new(BUILT_WITH)), None).unwrap();
        assert_eq!(found.origin, "named by --python");
        assert!(found.executable.is_absolute());
    }

    #[test]
    fn a_path_with_nothing_at_it_is_refused() {
        let err = find(Some(Path::new("/nowhere/python")), None).unwrap_err();
        assert_eq!(err.to_string(), "--python /nowhere/python: there is no Python interpreter");
    }
}
