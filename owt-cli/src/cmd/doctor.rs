//! `owt doctor`: which Python runs adaptors, and whether it starts.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use clap::Args;
use owt_core::{Code, Envelope, Headers, Request};
use owt_server::{Candidate, Config, LocalError, Origin, Places, ServeError};
use serde_json::Value;
use tracing::level_filters::LevelFilter;

use super::serve::cannot_serve;
use crate::cli::{Settings, serve_command};
use crate::ui::{self, CliError, ExitKind};

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// The interpreter, or the folder of a virtualenv, to look at instead of the active one
    #[arg(long, value_name = "PATH", env = "OWT_PYTHON")]
    python: Option<PathBuf>,

    /// The file of settings to look at instead of owt.toml in the start directory
    #[arg(long, value_name = "FILE", env = "OWT_CONFIG")]
    config: Option<PathBuf>,
}

/// What Python says of itself, asked in the same way as any adaptor is run.
const QUESTION: &str = "\
def run():
    return {'version': sys.version.split()[0], 'executable': sys.executable, 'prefix': sys.prefix, 'path': sys.path}
";

/// The same of another interpreter, printed by it.
const PREFIX: &str = "import sys; print(sys.prefix)";

pub(crate) fn run(mut args: DoctorArgs) -> Result<ExitCode, CliError> {
    let _log = owt_server::init_log(LevelFilter::WARN);
    let settings = Settings::open(args.config.as_deref())?;
    let counts = Settings::report(settings.as_ref(), &serve_command())?;
    let named = settings.as_ref().and_then(|settings| settings.text("python"));
    args.python = args.python.or(named.map(PathBuf::from));
    let places = Places::of_environment(args.python.clone())
        .map_err(|err| CliError::new(ExitKind::Start, err.to_string()))?;
    let candidates: Vec<_> = places.candidates().collect();
    let mut report = format!("owt          {}\n", env!("CARGO_PKG_VERSION"));
    rows(&mut report, "settings", &counts);
    rows(&mut report, "GPUs", &owt_server::gpus());
    rows(&mut report, "looked at", &verdicts(&candidates));
    // Also if what comes next fails.
    ui::print(report.trim_end())?;
    let config = Config { python: args.python, ..Config::default() };
    let python3 = candidates.iter().find(|candidate| candidate.origin == Origin::Path);
    ui::print(&describe(&ask(&config)?, python3))
}

/// What Python has said of itself.
fn describe(found: &Value, python3: Option<&Candidate>) -> String {
    let text = |key: &str| found[key].as_str().unwrap_or_default().to_owned();
    let mut report = String::new();
    rows(&mut report, "Python", &[text("version")]);
    rows(&mut report, "executable", &[text("executable")]);
    rows(&mut report, "prefix", &[text("prefix")]);
    rows(&mut report, "uv", &[uv(Path::new(&text("executable")))]);
    rows(&mut report, "PYTHONPATH", &[shown("PYTHONPATH")]);
    let path = found["path"].as_array().into_iter().flatten().filter_map(Value::as_str);
    rows(&mut report, "sys.path", &path.map(str::to_owned).collect::<Vec<_>>());
    if let Some(warning) = python3.and_then(|python3| other_python(&python3.path, &text("prefix")))
    {
        let _ = write!(report, "\n{warning}\n");
    }
    if let Some(others) = owt_server::others_on_loopback() {
        let _ = write!(
            report,
            "\n{others}\nTo keep them out: owt serve --socket PATH, or owt serve --token auto\n"
        );
    }
    if owt_server::mps_is_active() {
        report.push_str(
            "\nCUDA MPS is active: to kill one of its clients, as owt does with a worker that does not \
             answer, can harm the others (NVIDIA's MPS documentation, \"Error Containment\").\n",
        );
    }
    report.push_str("\nPython starts and runs adaptors.");
    report
}

/// Where the program is that installs the dependencies of adaptors.
fn uv(python: &Path) -> String {
    let missing = "not found, so code cannot bring its dependencies; pip install uv";
    owt_server::find_uv(python)
        .map_or_else(|| missing.to_owned(), |path| path.display().to_string())
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
        headers: Headers::default(),
        body: bytes::Bytes::new(),
        parts: None,
    };
    let call = Envelope::new(Code::source(QUESTION)).into_call(request);
    let mut answer = Vec::new();
    owt_server::run(config, call, &mut answer, |_| {}).map_err(|err| match err {
        // What is in each place stands above it.
        LocalError::Start(ServeError::Interpreter(err)) => {
            CliError::new(ExitKind::Start, err.to_string())
        }
        LocalError::Start(err) => cannot_serve(&err),
        err => CliError::caused(ExitKind::Start, &err),
    })?;
    serde_json::from_slice(&answer).map_err(|err| CliError::caused(ExitKind::Start, &err))
}

/// The places that are named even if there is nothing in them.
const NAMED: [Origin; 4] = [Origin::Named, Origin::Virtualenv, Origin::Conda, Origin::DotVenv];

/// What is in each place, and whether that is what adaptors get: the first one is.
fn verdicts(candidates: &[Candidate]) -> Vec<String> {
    let taken = candidates.first().map(|first| first.origin);
    let of = |origin: Origin| candidates.iter().find(|candidate| candidate.origin == origin);
    let named = NAMED.into_iter().map(|origin| {
        of(origin).map_or_else(|| nothing(origin), |candidate| verdict(candidate, taken))
    });
    let others = candidates.iter().filter(|candidate| !NAMED.contains(&candidate.origin));
    let others = others.map(|candidate| verdict(candidate, taken));
    let path = of(Origin::Path).is_none().then(|| nothing(Origin::Path));
    named.chain(others).chain(path).collect()
}

fn verdict(Candidate { origin, path, outcome }: &Candidate, taken: Option<Origin>) -> String {
    let is_first = taken == Some(*origin);
    let first = taken.map_or_else(String::new, |taken| taken.to_string());
    let verdict = match outcome {
        Ok(found) if is_first => format!("Python {}, taken", found.version),
        Ok(found) => format!("Python {}, not taken: {first} comes first", found.version),
        Err(_) if is_first => "cannot be used".to_owned(),
        Err(err) => format!("not taken: {err}"),
    };
    format!("{origin} ({}): {verdict}", path.display())
}

/// That there is nothing in a place.
fn nothing(origin: Origin) -> String {
    let why = match origin {
        Origin::Named => "not given",
        Origin::Virtualenv | Origin::Conda => "not set",
        Origin::DotVenv => "no virtualenv of that name in this directory",
        Origin::Installation | Origin::Path => "not there",
    };
    format!("{origin}: {why}")
}

/// Lines that have one name.
fn rows(report: &mut String, name: &str, values: &[String]) {
    for (number, value) in values.iter().enumerate() {
        let name = if number == 0 { name } else { "" };
        let _ = writeln!(report, "{name:<12} {value}");
    }
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
