//! Reading the command line, and what is said of one that is wrong.

mod meant;

use std::ffi::OsString;

use clap::Parser as _;
use clap::error::{ContextKind, ErrorKind};

use crate::cmd::{Cli, Command};
use crate::ui::{CliError, Failure};

/// Reads the command line. Help and version are printed here, and end the program.
pub(crate) fn command() -> Result<Command, CliError> {
    match Cli::try_parse_from(with_command(std::env::args_os())) {
        Ok(cli) => Ok(cli.command),
        Err(err) if matches!(err.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            err.exit()
        }
        Err(mut err) => {
            let meant = meant::instead_of(&err);
            if meant.is_some() {
                err.remove(ContextKind::Suggested);
            }
            let words = err.render().to_string();
            let words = words.strip_prefix("error: ").unwrap_or(&words);
            let err = CliError::new(Failure::Usage, words);
            Err(meant.into_iter().fold(err, CliError::hint))
        }
    }
}

/// Puts in `serve` where no command is named: `owt --port 9000` serves.
fn with_command(args: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut args: Vec<OsString> = args.collect();
    let asks = ["-h", "--help", "-V", "--version"];
    let names_command = args.get(1).is_some_and(|first| {
        let first = first.to_string_lossy();
        !first.starts_with('-') || asks.contains(&&*first)
    });
    if !names_command {
        args.insert(args.len().min(1), "serve".into());
    }
    args
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(&["owt"], &["owt", "serve"])]
    #[case(&["owt", "--port", "9000"], &["owt", "serve", "--port", "9000"])]
    #[case(&["owt", "--help"], &["owt", "--help"])]
    #[case(&["owt", "-V"], &["owt", "-V"])]
    #[case(&["owt", "call", "a.py"], &["owt", "call", "a.py"])]
    #[case(&["owt", "cal"], &["owt", "cal"])]
    fn serving_is_the_default(#[case] args: &[&str], #[case] expected: &[&str]) {
        assert_eq!(with_command(args.iter().map(OsString::from)), expected);
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }
}
