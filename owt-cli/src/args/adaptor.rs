//! An adaptor and its arguments.

use std::fs;
use std::io;
use std::sync::Arc;

use clap::Args;
use owt_core::kwargs::{self, ArgError};
use owt_core::{Code, Envelope, FileName};

use crate::input::{Input, cannot_read};
use crate::ui::{CliError, ExitKind};

/// How arguments are written, for the help of commands that take them.
pub(crate) const ARGUMENTS: &str = "\
Arguments of the adaptor:
  name:value, name=value    a value is JSON or a Python literal if it reads as one, and
                            text otherwise: n:3  flags:[1,2]  who:None  prompt:hello
  name:@FILE                the text of a file; - is standard input, @@ is an @
  \"{'n': 3}\", \"<'n': 3>\"    a whole dict, in Python or JSON";

#[derive(Debug, Args)]
pub(crate) struct AdaptorArgs {
    /// The adaptor; - is standard input
    #[arg(required_unless_present = "code")]
    file: Option<String>,

    /// Its arguments, explained below
    #[arg(value_name = "ARG")]
    args: Vec<String>,

    /// Do not send FILE.lock, the lock of its packages that `uv lock --script FILE` writes
    #[arg(long, help_heading = "The call")]
    no_lock: bool,

    /// The adaptor itself instead of a file, as `python -c` takes it
    #[arg(short = 'c', value_name = "CODE")]
    code: Option<String>,
}

impl AdaptorArgs {
    /// The envelope that has this code and these arguments.
    pub(crate) fn envelope(&self, input: &mut Input) -> Result<Envelope, CliError> {
        // Where the code is no file, the first word is an argument, too.
        let (first, file) = match &self.code {
            Some(_) => (self.file.as_ref(), None),
            None => (None, self.file.as_ref()),
        };
        let source = match (&self.code, file) {
            (Some(code), _) => code.clone(),
            (None, Some(file)) => input.text(file).map_err(|err| cannot_read(file, &err))?,
            (None, None) => String::new(), // One of both is required.
        };
        let args: Vec<String> = first.into_iter().chain(&self.args).cloned().collect();
        let kwargs =
            kwargs::from_args(&args, |path| input.text(path)).map_err(|err| arg_error(&err))?;
        let name = file.and_then(|file| FileName::new(file));
        let lock = match file {
            Some(file) if !self.no_lock => lock_beside(file)?,
            _ => None,
        };
        Ok(Envelope { kwargs, name, lock, ..Envelope::new(Code::source(&source)) })
    }
}

/// The lock that lies beside an adaptor, if there is one.
fn lock_beside(file: &str) -> Result<Option<Arc<str>>, CliError> {
    let path = format!("{file}.lock");
    match fs::read_to_string(&path) {
        Ok(lock) => Ok(Some(lock.into())),
        Err(err)
            if matches!(err.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
        {
            Ok(None)
        }
        Err(err) => Err(cannot_read(&path, &err)),
    }
}

/// How the code is sent.
#[derive(Debug, Args)]
#[command(next_help_heading = "The call")]
pub(crate) struct CodeArgs {
    /// Send the code's digest, for a server that has the code
    #[arg(long)]
    digest: bool,
}

impl CodeArgs {
    /// Puts the digest in the code's place, if that was asked for.
    pub(crate) fn apply(self, envelope: Envelope) -> Envelope {
        match self.digest {
            true => Envelope { code: Code::Known(envelope.code.digest()), ..envelope },
            false => envelope,
        }
    }
}

fn arg_error(err: &ArgError) -> CliError {
    let failure = match err {
        ArgError::File { .. } => ExitKind::File,
        _ => ExitKind::Usage,
    };
    CliError::caused(failure, err).hint(err.hint())
}
