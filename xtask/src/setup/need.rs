//! One thing that is needed: whether it is there, and how it is installed.

use std::fmt;

use anyhow::Result;
use xshell::Shell;

use super::{node, python};
use crate::venv::Venv;
use crate::version::Version;
use crate::{debian, npm, wasm};

/// Something that has to be on this machine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Need {
    /// A program, and the packages of Debian that have it
    Program(&'static str, &'static [&'static str]),
    /// The interpreter that the tests run with
    Python,
    /// Its shared library, which the worker's unit tests are linked with
    PythonLibrary,
    /// What it makes virtualenvs with
    PythonVenv,
    /// A virtualenv with packages in it
    Venv(Venv),
    /// A version of Python beside that one, with the packages of the tests, where it is installed
    OtherPython(Version),
    /// Node with its npm
    Node,
    /// The packages that a folder's lock file names
    Npm(&'static str),
    /// A compiler for WebAssembly
    Wasm,
}

/// Whether a thing is there.
pub(crate) enum State {
    /// It is, as this says more closely
    There(String),
    /// It is not, and the tests run without it, as this says more closely
    DoneWithout(String),
    Missing(Missing),
}

/// How a thing that is missing gets here.
pub(crate) enum Missing {
    /// With packages of Debian
    Debian(&'static [&'static str]),
    /// With a command that needs no rights and is run by [`Need::install`]
    Own(String),
    /// By the person who reads this
    ByHand(String),
}

impl Need {
    pub(super) fn look(self, sh: &Shell) -> State {
        match self {
            Self::Program(name, packages) => debian::find(name).map_or_else(
                || State::Missing(Missing::Debian(packages)),
                |path| State::There(path.display().to_string()),
            ),
            Self::Python => python::interpreter(sh),
            Self::PythonLibrary => python::library(sh),
            Self::PythonVenv => python::venv(sh),
            Self::Venv(venv) => State::own(venv.is_up_to_date(sh), venv.manual_steps()),
            Self::OtherPython(version) => other_python(sh, version),
            Self::Node => node::look(sh),
            Self::Npm(folder) => State::own(npm::is_there(sh, folder), npm::command(folder)),
            Self::Wasm => wasm::look(sh),
        }
    }

    /// Installs what is no package of Debian.
    pub(super) fn install(self, sh: &Shell) -> Result<()> {
        match self {
            Self::Venv(venv) => venv.ensure(sh),
            Self::OtherPython(version) => version.venv().ensure(sh),
            Self::Npm(folder) => npm::ensure(sh, folder),
            Self::Wasm => wasm::install(sh),
            Self::Program(..)
            | Self::Python
            | Self::PythonLibrary
            | Self::PythonVenv
            | Self::Node => Ok(()),
        }
    }
}

/// A version that is not installed does not stop the tests, but it is seen.
fn other_python(sh: &Shell, version: Version) -> State {
    if version.interpreter().is_none() {
        return State::DoneWithout(format!("no test runs with it; hint: {}", version.remedy()));
    }
    let is_done = !version.is_tested(sh) || version.venv().is_up_to_date(sh);
    State::own(is_done, version.venv().manual_steps())
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Program(name, _) => f.write_str(name),
            Self::Python => write!(f, "Python {} or newer", python::OLDEST),
            Self::PythonLibrary => f.write_str("Python's shared library"),
            Self::PythonVenv => f.write_str("Python's venv"),
            Self::Venv(venv) => write!(f, "packages of {}", venv.requirements()),
            Self::OtherPython(version) => write!(f, "packages for Python {version}"),
            Self::Node => write!(f, "Node {} or newer, with npm", node::OLDEST),
            Self::Npm(folder) => write!(f, "packages of {folder}"),
            Self::Wasm => f.write_str("compiler for WebAssembly"),
        }
    }
}

impl State {
    /// The state of what a command of its own makes.
    fn own(is_there: bool, command: String) -> Self {
        if is_there { Self::There(String::new()) } else { Self::Missing(Missing::Own(command)) }
    }

    pub(super) fn missing(&self) -> Option<&Missing> {
        match self {
            Self::There(_) | Self::DoneWithout(_) => None,
            Self::Missing(missing) => Some(missing),
        }
    }

    pub(super) fn is_missing(&self) -> bool {
        self.missing().is_some()
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Debian(packages) => write!(f, "apt-get install {}", packages.join(" ")),
            Self::Own(text) | Self::ByHand(text) => f.write_str(text),
        }
    }
}
