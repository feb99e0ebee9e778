//! Finds the Python of the workers: one that was named, that of the active virtualenv, or the one that
//! owt was built with. An interpreter is only run to be asked for its version, if it is in no virtualenv.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The interpreter with which owt was built.
const BUILT_WITH: &str = env!("OWT_BUILD_PYTHON");

/// The prefix of that interpreter, where its standard library is.
const BUILT_PREFIX: &str = env!("OWT_BUILD_PREFIX");

/// The minor version of Python 3 that this binary is linked with.
pub const MINOR: u8 = match u8::from_str_radix(env!("OWT_PYTHON_MINOR"), 10) {
    Ok(minor) => minor,
    Err(_) => panic!("the build script gives a number"),
};

/// A Python that this binary can run as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interpreter {
    /// What `sys.executable` will be.
    pub executable: PathBuf,
    /// Why it was chosen; follows "Python 3.11" in messages.
    pub origin: &'static str,
    /// The prefix of the standard library, if it differs from that of `executable`.
    ///
    /// The extension modules of a virtualenv work with any build of the same version, but its standard
    /// library may need modules that are built into its own interpreter and not into this one.
    pub home: Option<PathBuf>,
}

/// Why no Python was found.
#[derive(Debug, thiserror::Error)]
pub enum InterpreterError {
    /// The path that `--python` names is not an interpreter and contains none.
    #[error("--python {0}: there is no Python interpreter")]
    NotThere(PathBuf),
    /// `VIRTUAL_ENV` names a folder without an interpreter.
    #[error("VIRTUAL_ENV is {0}, but there is no bin/python in it; deactivate it or make it anew")]
    BrokenVirtualenv(PathBuf),
    /// The interpreter could not be run to get its version.
    #[error("{path} does not run: {why}")]
    DoesNotRun {
        /// The interpreter.
        path: PathBuf,
        /// What happened instead.
        why: String,
    },
    /// The minor version of the interpreter differs from that of this binary.
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
    /// The version is right, but the standard library belongs to another build.
    #[error(
        "{0} is another build of Python 3.{MINOR} than the one that owt is linked with; name a virtualenv \
         that was made with it, or build owt for it with PYO3_PYTHON={0} cargo build --release"
    )]
    OtherBuild(PathBuf),
    /// None was named, and the Python that owt was built with does not exist any more.
    #[error("no Python 3.{MINOR} was found; install it, or name one with --python")]
    None,
}

/// Finds the interpreter: `named` (a file, or the folder of a virtualenv), else the virtualenv
/// `active`, else the one that owt was built with, else `python3.x` in `PATH`.
///
/// # Errors
/// When the named or active Python cannot be used, or none was found.
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
            home: None,
        });
    }
    let executable = on_path(&format!("python3.{MINOR}")).ok_or(InterpreterError::None)?;
    Ok(Interpreter { executable, origin: "found on the path", home: None })
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

/// Checks that an interpreter has the version that this binary is linked with.
fn accept(path: PathBuf, origin: &'static str) -> Result<Interpreter, InterpreterError> {
    let Some(virtualenv) = Virtualenv::of(&path) else {
        let (executable, version, prefix) = query(&path)?;
        check_version(&executable, &version)?;
        return match other_than_ours(&prefix) {
            Some(_) => Err(InterpreterError::OtherBuild(path)),
            None => Ok(Interpreter { executable, origin, home: None }),
        };
    };
    match virtualenv.version() {
        Some(version) => check_version(&path, version)?,
        None => check_version(&path, &query(&path)?.1)?,
    }
    Ok(Interpreter { executable: path, origin, home: virtualenv.home() })
}

fn check_version(path: &Path, version: &str) -> Result<(), InterpreterError> {
    let minor = version.strip_prefix("3.").and_then(|rest| rest.split('.').next());
    match minor.and_then(|minor| minor.parse().ok()) == Some(MINOR) {
        true => Ok(()),
        false => Err(InterpreterError::OtherVersion {
            path: path.to_path_buf(),
            version: version.to_owned(),
        }),
    }
}

/// The prefix of the Python of this binary, if it exists and `prefix` is another one.
fn other_than_ours(prefix: &Path) -> Option<PathBuf> {
    let ours = Path::new(BUILT_PREFIX).canonicalize().ok()?;
    (prefix.canonicalize().ok().as_ref() != Some(&ours)).then_some(ours)
}

fn in_virtualenv(folder: &Path) -> Option<PathBuf> {
    let bin = std::path::absolute(folder).ok()?.join("bin");
    ["python", "python3"].into_iter().map(|name| bin.join(name)).find(|path| path.is_file())
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|path| path.is_file())
}

/// The content of `pyvenv.cfg` (PEP 405).
struct Virtualenv(String);

impl Virtualenv {
    fn of(executable: &Path) -> Option<Self> {
        let config = executable.parent()?.parent()?.join("pyvenv.cfg");
        std::fs::read_to_string(config).ok().map(Self)
    }

    fn get(&self, keys: &[&str]) -> Option<&str> {
        let pairs = self.0.lines().filter_map(|line| line.split_once('='));
        let mut pairs = pairs.map(|(key, value)| (key.trim(), value.trim()));
        pairs.find(|(key, _)| keys.contains(key)).map(|(_, value)| value)
    }

    /// `version` as venv and virtualenv write it, `version_info` as uv does.
    fn version(&self) -> Option<&str> {
        self.get(&["version", "version_info"])
    }

    /// The prefix of the Python of this binary, if the virtualenv belongs to another build.
    fn home(&self) -> Option<PathBuf> {
        other_than_ours(Path::new(self.get(&["home"])?).parent()?)
    }
}

/// Runs an interpreter to get the path of its executable (`executable` may be a shim), its version and
/// its prefix.
fn query(executable: &Path) -> Result<(PathBuf, String, PathBuf), InterpreterError> {
    const SCRIPT: &str = "import sys
print(sys.executable, '.'.join(map(str, sys.version_info[:3])), sys.base_prefix, sep='\\n')";
    let fails = |why: String| InterpreterError::DoesNotRun { path: executable.to_path_buf(), why };
    let output = Command::new(executable)
        .args(["-I", "-c", SCRIPT])
        .output()
        .map_err(|err| fails(err.to_string()))?;
    let stdout = String::from_utf8_lossy(&output.stdout);
    match stdout.lines().collect::<Vec<_>>()[..] {
        [path, version, prefix] if output.status.success() => {
            Ok((path.into(), version.to_owned(), prefix.into()))
        }
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
        let folder = virtualenv(&format!("home = {BUILT_PREFIX}/bin\nversion = 3.{MINOR}.1\n"));
        let found = find(None, Some(folder.path())).unwrap();
        let executable = folder.path().join("bin/python");
        let expected = Interpreter { executable, origin: "of the active virtualenv", home: None };
        assert_eq!(found, expected);
    }

    #[test]
    fn a_virtualenv_of_another_build_gets_the_standard_library_of_ours() {
        let folder = virtualenv(&format!("home = /other/bin\nversion = 3.{MINOR}.1\n"));
        let found = find(Some(folder.path()), None).unwrap();
        assert_eq!(found.home, Some(Path::new(BUILT_PREFIX).canonicalize().unwrap()));
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
