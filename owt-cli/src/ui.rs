//! Messages on standard error, and exit codes.

use std::error::Error;
use std::io::{self, IsTerminal as _, Write};
use std::path::Path;
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};

const ERROR: Style = AnsiColor::Red.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default().bold();

/// The exit codes, as the help lists them.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0  the call succeeded
  1  the adaptor or the server answered with an error
  2  the command line is wrong
  3  the server cannot be reached, or its answer broke off
  4  a file cannot be read or written
  5  the server cannot start";

/// What shells say of a program that Ctrl-C has ended: 128 and the number of SIGINT.
pub(crate) const INTERRUPTED: u8 = 130;

/// What kind of error ended the program, for scripts: its number is the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExitKind {
    Answer = 1,
    Usage = 2,
    Connection = 3,
    File = 4,
    Start = 5,
}

/// The error that ended a command.
#[derive(Debug, Clone)]
pub(crate) struct CliError {
    kind: ExitKind,
    message: String,
    hint: Option<String>,
    is_on_new_line: bool,
}

impl CliError {
    pub(crate) fn new(kind: ExitKind, message: impl Into<String>) -> CliError {
        CliError { kind, message: message.into(), hint: None, is_on_new_line: false }
    }

    /// An error whose message has all its causes.
    pub(crate) fn caused(kind: ExitKind, err: &dyn Error) -> CliError {
        let causes = std::iter::successors(err.source(), |&err| err.source());
        let messages = std::iter::once(err.to_string()).chain(causes.map(ToString::to_string));
        CliError::new(kind, messages.collect::<Vec<_>>().join(": "))
    }

    /// The same error, of what a file says.
    pub(crate) fn in_file(self, path: &Path) -> CliError {
        CliError { message: format!("{}: {}", path.display(), self.message), ..self }
    }

    /// The same error in other words.
    pub(crate) fn with_message(self, message: impl Into<String>) -> CliError {
        CliError { message: message.into(), ..self }
    }

    /// What it says.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// Adds a hint: what to do about it.
    pub(crate) fn hint(self, hint: impl Into<String>) -> CliError {
        CliError { hint: Some(hint.into()), ..self }
    }

    /// Starts the message on a new line, because the output before it may not have ended its last one.
    pub(crate) fn on_a_new_line(self) -> CliError {
        CliError { is_on_new_line: true, ..self }
    }

    fn write(&self, to: &mut impl Write) -> io::Result<()> {
        if self.is_on_new_line {
            writeln!(to)?;
        }
        writeln!(to, "owt: {ERROR}error:{ERROR:#} {}", self.message.trim_end())?;
        match &self.hint {
            None => Ok(()),
            Some(hint) => writeln!(to, "\n{HINT}hint:{HINT:#} {hint}"),
        }
    }
}

/// Ends the program: the message of an error goes to standard error, in colour on a terminal.
pub(crate) fn end(result: Result<ExitCode, CliError>) -> ExitCode {
    result.unwrap_or_else(|err| {
        // There is nowhere to report that standard error is closed.
        let _ = err.write(&mut anstream::stderr());
        ExitCode::from(err.kind as u8)
    })
}

/// Checks the outcome of writing output. A reader that closes the pipe is not an error.
pub(crate) fn check_written(result: io::Result<()>) -> Result<(), CliError> {
    match result {
        Err(err) if err.kind() != io::ErrorKind::BrokenPipe => Err(output_error(&err)),
        _ => Ok(()),
    }
}

fn output_error(err: &io::Error) -> CliError {
    CliError::new(ExitKind::File, format!("cannot write the output: {err}"))
}

/// What runs async code, on this thread.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, CliError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|err| CliError::caused(ExitKind::File, &err))
}

/// Prints a line of data.
pub(crate) fn print(line: &str) -> Result<ExitCode, CliError> {
    let mut stdout = io::stdout().lock();
    check_written(writeln!(stdout, "{line}").and_then(|()| stdout.flush()))?;
    Ok(ExitCode::SUCCESS)
}

/// What shows the progress of an installation: each line on standard error, if that is a terminal.
pub(crate) fn progress() -> impl Fn(&str) + Send + Sync + 'static {
    let is_terminal = io::stderr().is_terminal();
    move |line| {
        if is_terminal {
            let _ = writeln!(anstream::stderr(), "{line}");
        }
    }
}
