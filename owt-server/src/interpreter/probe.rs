//! Asks an interpreter what it is.

use std::io;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::error::{InterpreterError, PROBE_TIMEOUT};
use super::found::{Interpreter, OLDEST_MINOR, Origin};
use super::last_line::LastLine;

/// After so long, the log says what is waited for.
const SLOW_PROBE: Duration = Duration::from_secs(5);

/// Works in any Python, also in Python 2, as do the options that it is run with.
const SCRIPT: &str = "import sys
name = getattr(sys, 'implementation', None)
is_threaded = 't' in getattr(sys, 'abiflags', '')
print('owt:' + '\\n'.join((getattr(name, 'name', 'cpython'), '.'.join(map(str, sys.version_info[:3])),
    str(is_threaded), sys.executable or '')))";

/// How others than CPython write their names, which `sys.implementation` has in lower case.
const OTHERS: [&str; 8] = [
    "PyPy",
    "GraalPy",
    "Jython",
    "IronPython",
    "MicroPython",
    "CircuitPython",
    "RustPython",
    "Pyston",
];

/// Asks an interpreter what it is.
pub(super) fn query(path: &Path, origin: Origin) -> Result<Interpreter, InterpreterError> {
    let fails = |why: String| InterpreterError::DoesNotRun { path: path.to_path_buf(), why };
    let output = match run(path, PROBE_TIMEOUT) {
        Err(err) if err.kind() == io::ErrorKind::TimedOut => {
            return Err(InterpreterError::NoAnswer { path: path.to_path_buf() });
        }
        outcome => outcome.map_err(|err| fails(err.to_string()))?,
    };
    let answer = String::from_utf8_lossy(&output.stdout);
    let answer = answer.split_once("owt:").map_or("", |(_, answer)| answer);
    let [name, version, is_threaded, executable] = answer.lines().collect::<Vec<_>>()[..] else {
        return Err(fails(why_not(&output)));
    };
    let (found, version) = (path.to_path_buf(), version.to_owned());
    if name != "cpython" {
        return Err(InterpreterError::NotCPython { path: found, name: proper_name(name) });
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

/// Runs the script to its end, or kills it when its time is up.
fn run(python: &Path, limit: Duration) -> io::Result<Output> {
    let mut command = Command::new(python);
    let child = command
        .args(["-E", "-s", "-S", "-c", SCRIPT])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let pid = Pid::from_child(&child);
    let (done, outcome) = mpsc::channel();
    std::thread::spawn(move || done.send(child.wait_with_output()));
    let slow = SLOW_PROBE.min(limit);
    if let Ok(output) = outcome.recv_timeout(slow) {
        return output;
    }
    tracing::warn!("waiting for {} to say which version it is", python.display());
    outcome.recv_timeout(limit - slow).unwrap_or_else(|_| {
        // Nobody has waited for it yet, so its id is still its own.
        let _ = kill_process(pid, Signal::KILL);
        Err(io::ErrorKind::TimedOut.into())
    })
}

fn proper_name(name: &str) -> String {
    let known = OTHERS.into_iter().find(|known| known.eq_ignore_ascii_case(name));
    known.unwrap_or(name).to_owned()
}

/// The last line that a process has printed, or how it ended.
fn why_not(output: &Output) -> String {
    let last = LastLine::default();
    String::from_utf8_lossy(&output.stderr).lines().for_each(|line| last.note(line));
    last.get().unwrap_or_else(|| output.status.to_string())
}

/// The minor version of a Python 3.
fn minor(version: &str) -> Option<u8> {
    version.strip_prefix("3.")?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;

    use rstest::rstest;

    use super::*;

    /// A program that does what `script` says.
    fn python(script: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let python = folder.path().join("python");
        std::fs::write(&python, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&python, std::fs::Permissions::from_mode(0o700)).unwrap();
        (folder, python)
    }

    #[rstest]
    #[case("echo owt:cpython; echo 3.11.9; echo False; echo /real/python", Ok("3.11.9"))]
    #[case(
        "echo a banner; echo owt:cpython; echo 3.14.0; echo False; echo /real/python",
        Ok("3.14.0")
    )]
    #[case(
        "echo owt:cpython; echo 3.10.9; echo False; echo",
        Err(
            "is Python 3.10.9, and owt needs 3.11 or newer; name a newer one with --python, or make a \
             virtualenv of one"
        )
    )]
    #[case(
        "echo owt:cpython; echo 2.7.18; echo False; echo",
        Err(
            "is Python 2.7.18, and owt needs 3.11 or newer; name a newer one with --python, or make a \
             virtualenv of one"
        )
    )]
    #[case(
        "echo owt:pypy; echo 3.11.1; echo False; echo",
        Err("is PyPy, and owt needs CPython, the Python of python.org; name one with --python")
    )]
    #[case(
        "echo owt:graalpy; echo 3.12.1; echo False; echo",
        Err("is GraalPy, and owt needs CPython, the Python of python.org; name one with --python")
    )]
    #[case(
        "echo owt:another; echo 3.12.1; echo False; echo",
        Err("is another, and owt needs CPython, the Python of python.org; name one with --python")
    )]
    #[case(
        "echo owt:cpython; echo 3.13.1; echo True; echo",
        Err(
            "is a free-threaded build of Python 3.13.1, which needs another build of owt's extension module \
             than there is; name a Python with the GIL with --python"
        )
    )]
    #[case(
        "echo \"Error: No module named 'encodings'\" >&2; echo; echo '  <no Python frame>' >&2; exit 1",
        Err("does not run: Error: No module named 'encodings'")
    )]
    #[case("exit 3", Err("does not run: exit status: 3"))]
    #[case("kill -9 $$", Err("does not run: signal: 9 (SIGKILL)"))]
    fn a_python_is_used_or_refused_in_one_sentence(
        #[case] script: &str,
        #[case] expected: Result<&str, &str>,
    ) {
        let (_folder, path) = python(script);
        let found = query(&path, Origin::Named).map_err(|err| err.to_string());
        let expected = match expected {
            Ok(version) => Ok(Interpreter {
                executable: "/real/python".into(),
                version: version.to_owned(),
                origin: Origin::Named,
            }),
            Err(sentence) => Err(format!("{} {sentence}", path.display())),
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn a_python_that_says_nothing_is_not_waited_for_without_end() {
        let (_folder, path) = python("exec sleep 60");
        let err = run(&path, Duration::from_millis(20)).unwrap_err();
        assert_eq!(err.kind(), io::ErrorKind::TimedOut);
    }
}
