//! Finds the Python of the workers: any CPython from 3.11 on.

mod error;
mod found;
mod installation;
mod last_line;
mod probe;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use rustix::fs::Access;

pub use error::InterpreterError;
pub use found::{Interpreter, OLDEST_MINOR, Origin};
pub(crate) use last_line::LastLine;
use probe::query;

pub use installation::Installation;

/// As many links are followed at most, for some lead in a circle.
const MAX_LINKS: usize = 40;

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
    let broken = || InterpreterError::Broken { origin, folder: folder.to_path_buf() };
    query(&in_bin(folder)?.ok_or_else(broken)?, origin)
}

fn from_named(named: &Path) -> Result<Interpreter, InterpreterError> {
    let not_there = || InterpreterError::NotThere(named.to_path_buf());
    let executable = if named.is_dir() {
        in_bin(named)?.ok_or_else(not_there)?
    } else if named.components().count() == 1 && !named.exists() {
        on_path(named).ok_or_else(not_there)?
    } else {
        std::path::absolute(named).map_err(|_| not_there())?
    };
    match executable.is_file() {
        true => query(&executable, Origin::Named),
        false => Err(dangling(&executable).unwrap_or_else(not_there)),
    }
}

/// The interpreter of an environment; an error if only a link is left of it.
fn in_bin(folder: &Path) -> Result<Option<PathBuf>, InterpreterError> {
    let Ok(folder) = std::path::absolute(folder) else { return Ok(None) };
    let names = ["python", "python3"].map(|name| folder.join("bin").join(name));
    if let Some(found) = names.iter().find(|path| path.is_file()) {
        return Ok(Some(found.clone()));
    }
    names.iter().find_map(|path| dangling(path)).map_or(Ok(None), Err)
}

/// The error that a path is a link, or a chain of links, to nothing.
fn dangling(path: &Path) -> Option<InterpreterError> {
    let next = |link: &PathBuf| Some(link.parent()?.join(std::fs::read_link(link).ok()?));
    let links = std::iter::successors(next(&path.to_path_buf()), next);
    let target = links.take(MAX_LINKS).last()?;
    Some(InterpreterError::Dangling { path: path.to_path_buf(), target })
}

/// The first program of a name on the path. `uvx` puts the environment of the tool that it runs at the
/// front, which is not where the user's packages are.
pub(crate) fn on_path(name: impl AsRef<OsStr>) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let name = name.as_ref();
    let is_tool = |bin: &Path| Installation::of_bin(bin).is_some_and(|found| found.is_tool);
    let folders = std::env::split_paths(&path).filter(|folder| !is_tool(folder));
    folders.map(|folder| folder.join(name)).find(|path| is_executable(path))
}

pub(crate) fn is_executable(path: &Path) -> bool {
    path.is_file() && rustix::fs::access(path, Access::EXEC_OK).is_ok()
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
    fn an_environment_whose_python_was_removed_is_said_to_be_a_link_to_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let bin = folder.path().join("bin");
        std::fs::create_dir(&bin).unwrap();
        std::os::unix::fs::symlink("python3", bin.join("python")).unwrap();
        std::os::unix::fs::symlink("/nowhere/python3.12", bin.join("python3")).unwrap();
        let expected = format!(
            "{} is a link to /nowhere/python3.12, which is not there; make the virtualenv anew",
            bin.join("python").display()
        );
        let environment = Some(folder.path().to_path_buf());
        for places in [
            Places { virtualenv: environment.clone(), ..Places::default() },
            Places { named: environment, ..Places::default() },
            Places { named: Some(bin.join("python")), ..Places::default() },
        ] {
            assert_eq!(places.find().unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn a_path_with_nothing_at_it_is_refused() {
        let places = Places { named: Some("/nowhere/python".into()), ..Places::default() };
        let err = places.find().unwrap_err();
        assert_eq!(err.to_string(), "--python /nowhere/python: there is no Python interpreter");
    }
}
