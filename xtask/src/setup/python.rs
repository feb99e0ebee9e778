//! The Python that the tests run with, and what of it they need.

use xshell::{Shell, cmd};

use super::need::{Missing, State};
use crate::venv;

/// The oldest one that the packages in `tests/requirements.txt` run on.
pub(super) const OLDEST: &str = "3.11";

const VERSION: &str = "import sys; print('%d.%d.%d' % sys.version_info[:3])";

/// Where the file is that a program is linked with; fails if there is none.
const LIBRARY: &str = "
import os, sysconfig
values = map(sysconfig.get_config_var, ('LIBDIR', 'LDLIBRARY'))
path = os.path.join(*values)
assert path.endswith(('.so', '.dylib')) and os.path.exists(path)
print(path)
";

const VENV: &str = "import ensurepip; print(ensurepip.version())";

pub(super) fn interpreter(sh: &Shell) -> State {
    match say(sh, VERSION) {
        Some(version) if is_new_enough(&version) => State::There(version),
        Some(version) => State::Missing(Missing::ByHand(format!(
            "{} is Python {version}: name a newer one in PYO3_PYTHON",
            venv::interpreter()
        ))),
        None => missing(&["python3"]),
    }
}

pub(super) fn library(sh: &Shell) -> State {
    say(sh, LIBRARY).map_or_else(|| missing(&["libpython3-dev"]), State::There)
}

pub(super) fn venv(sh: &Shell) -> State {
    let pip = say(sh, VENV).map(|version| format!("pip {version}"));
    pip.map_or_else(|| missing(&["python3-venv"]), State::There)
}

/// Debian's packages are for Debian's Python.
fn missing(packages: &'static [&'static str]) -> State {
    let python = venv::interpreter();
    State::Missing(match python.as_str() {
        "python3" | "/usr/bin/python3" => Missing::Debian(packages),
        _ => Missing::ByHand(format!(
            "{python}, which PYO3_PYTHON names, lacks what Debian has as {}",
            packages.join(" ")
        )),
    })
}

/// What the interpreter prints, if all is well.
fn say(sh: &Shell, script: &str) -> Option<String> {
    let python = venv::interpreter();
    cmd!(sh, "{python} -c {script}").quiet().ignore_stderr().read().ok()
}

fn is_new_enough(version: &str) -> bool {
    super::table::numbers(version) >= super::table::numbers(OLDEST)
}
