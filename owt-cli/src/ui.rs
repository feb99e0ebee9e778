//! Messages on standard error, and exit codes.

use std::error::Error;
use std::io::{self, Write};
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

/// What went wrong, as far as scripts need to know: the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    Answer = 1,
    Usage = 2,
    Connection = 3,
    File = 4,
    Start = 5,
}

/// The end of a command that failed.
#[derive(Debug)]
pub(crate) struct CliError {
    failure: Failure,
    message: String,
    hint: Option<String>,
    is_on_new_line: bool,
}

impl CliError {
    pub(crate) fn new(failure: Failure, message: impl Into<String>) -> CliError {
        CliError { failure, message: message.into(), hint: None, is_on_new_line: false }
    }

    /// An error with all its causes.
    pub(crate) fn caused(failure: Failure, err: &dyn Error) -> CliError {
        let causes = std::iter::successors(err.source(), |&err| err.source());
        let words = std::iter::once(err.to_string()).chain(causes.map(ToString::to_string));
        CliError::new(failure, words.collect::<Vec<_>>().join(": "))
    }

    /// Adds what to do about it.
    pub(crate) fn hint(self, hint: impl Into<String>) -> CliError {
        CliError { hint: Some(hint.into()), ..self }
    }

    /// Begins a line, because the data that came before may have left one open.
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

/// Ends the program: an error's words go to standard error, in colour if that is a terminal.
pub(crate) fn end(result: Result<ExitCode, CliError>) -> ExitCode {
    result.unwrap_or_else(|err| {
        // There is nowhere to report that standard error is closed.
        let _ = err.write(&mut anstream::stderr());
        ExitCode::from(err.failure as u8)
    })
}

/// The outcome of writing to standard output. A reader that closes the pipe is no error.
pub(crate) fn written(result: io::Result<()>) -> Result<(), CliError> {
    match result {
        Err(err) if err.kind() != io::ErrorKind::BrokenPipe => {
            Err(CliError::new(Failure::File, format!("cannot write the output: {err}")))
        }
        _ => Ok(()),
    }
}

/// Prints a line of data.
pub(crate) fn print(line: &str) -> Result<ExitCode, CliError> {
    let mut stdout = io::stdout().lock();
    written(writeln!(stdout, "{line}").and_then(|()| stdout.flush()))?;
    Ok(ExitCode::SUCCESS)
}
