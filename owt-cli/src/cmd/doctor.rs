//! `owt doctor`: which Python runs adaptors, and whether it starts.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use clap::Args;
use owt_core::{Code, Envelope, Request};
use owt_server::{Candidate, Config, InterpreterError, LocalError, Origin, Places};
use serde_json::Value;
use tracing::level_filters::LevelFilter;

use super::serve::cannot_serve;
use crate::ui::{self, CliError, ExitKind};

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// The interpreter, or the folder of a virtualenv, to look at instead of the active one
    #[arg(long, value_name = "PATH", env = "OWT_PYTHON")]
    python: Option<PathBuf>,
}

/// What Python says of itself, asked in the same way as any adaptor is run.
const QUESTION: &str = "\
def run():
    return {'version': sys.version.split()[0], 'executable': sys.executable, 'prefix': sys.prefix, 'path': sys.path}
";

/// The same of another interpreter, printed by it.
const PREFIX: &str = "import sys; print(sys.prefix)";

pub(crate) fn run(args: DoctorArgs) -> Result<ExitCode, CliError> {
    let _log = owt_server::init_log(LevelFilter::WARN);
    let fails = |err: &dyn std::fmt::Display| CliError::new(ExitKind::Start, err.to_string());
    let places = Places::of_environment(args.python.clone()).map_err(|err| fails(&err))?;
    let candidates: Vec<_> = places.candidates().collect();
    let interpreter = match candidates.first().map(|taken| &taken.outcome) {
        Some(Ok(interpreter)) => interpreter,
        Some(Err(err)) => return Err(fails(err)),
        None => return Err(fails(&InterpreterError::None)),
    };
    let config = Config { python: args.python, ..Config::default() };
    let found = ask(&config)?;
    let text = |key: &str| found[key].as_str().unwrap_or_default().to_owned();

    let mut report = format!("owt          {}\n", env!("CARGO_PKG_VERSION"));
    line(&mut report, "Python", &format!("{}, {}", text("version"), interpreter.origin));
    line(&mut report, "executable", &text("executable"));
    line(&mut report, "prefix", &text("prefix"));
    line(&mut report, "virtualenv", &shown("VIRTUAL_ENV"));
    line(&mut report, "PYTHONPATH", &shown("PYTHONPATH"));
    for (number, folder) in found["path"].as_array().into_iter().flatten().enumerate() {
        let name = if number == 0 { "sys.path" } else { "" };
        line(&mut report, name, folder.as_str().unwrap_or_default());
    }
    for (number, candidate) in candidates.iter().enumerate() {
        let name = if number == 0 { "looked at" } else { "" };
        line(&mut report, name, &verdict(candidate, number == 0));
    }
    let on_path = candidates.iter().find(|candidate| candidate.origin == Origin::Path);
    if let Some(warning) = on_path.and_then(|found| other_python(&found.path, &text("prefix"))) {
        let _ = write!(report, "\n{warning}\n");
    }
    if let Some(others) = owt_server::others_on_loopback() {
        let _ = write!(
            report,
            "\n{others}\nTo keep them out: owt serve --socket PATH, or owt serve --token auto\n"
        );
    }
    report.push_str("\nPython starts and runs adaptors.");
    ui::print(&report)
}

fn ask(config: &Config) -> Result<Value, CliError> {
    let request = Request {
        id: "doctor".to_owned(),
        method: "GET".to_owned(),
        scheme: "http".to_owned(),
        host: "localhost".to_owned(),
        path: "/".to_owned(),
        query: String::new(),
        remote_addr: "127.0.0.1".to_owned(),
        headers: Vec::new(),
        body: bytes::Bytes::new(),
        parts: None,
    };
    let call = Envelope::new(Code::source(QUESTION)).into_call(request);
    let mut answer = Vec::new();
    owt_server::run(config, call, &mut answer).map_err(|err| match err {
        LocalError::Start(err) => cannot_serve(&err),
        err => CliError::caused(ExitKind::Start, &err),
    })?;
    serde_json::from_slice(&answer).map_err(|err| CliError::caused(ExitKind::Start, &err))
}

/// What a place has, and whether that is what adaptors get: the first place is.
fn verdict(candidate: &Candidate, is_taken: bool) -> String {
    let Candidate { origin, path, outcome } = candidate;
    let found = match outcome {
        Ok(found) => format!("Python {}", found.version),
        Err(err) => err.to_string(),
    };
    let taken = if is_taken { "taken" } else { "not taken: the first one is" };
    format!("{origin} ({}): {found}, {taken}", path.display())
}

fn line(report: &mut String, name: &str, value: &str) {
    let _ = writeln!(report, "{name:<12} {value}");
}

fn shown(variable: &str) -> String {
    let value = std::env::var(variable).ok().filter(|value| !value.is_empty());
    value.unwrap_or_else(|| "not set".to_owned())
}

/// Warns when `python3` in this shell is not the Python that adaptors get.
fn other_python(python3: &Path, prefix: &str) -> Option<String> {
    let output = Command::new(python3).args(["-c", PREFIX]).output().ok()?;
    let theirs = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    let is_same = theirs.is_empty() || same_folder(Path::new(&theirs), Path::new(prefix));
    (!is_same).then(|| {
        format!(
            "python3 in this shell is another one, under {theirs}: what is installed for it, adaptors do not find.\n\
             To use it: owt serve --python {theirs}/bin/python3"
        )
    })
}

fn same_folder(one: &Path, other: &Path) -> bool {
    one == other
        || matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}
