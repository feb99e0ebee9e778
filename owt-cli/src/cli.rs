//! Parses the command line, and reports one that is wrong.

mod settings;
mod suggestion;

use std::ffi::OsString;

use clap::error::{ContextKind, ErrorKind};
use clap::{CommandFactory as _, Parser as _};

use crate::cmd::{Cli, Command, ServeArgs};
use crate::ui::{CliError, ExitKind};
pub(crate) use settings::Settings;

/// The command where none is named, and the one that has a file of settings.
const SERVE: &str = "serve";

/// Options that work without a command, and do not imply `serve`.
const HELP_FLAGS: [&str; 4] = ["-h", "--help", "-V", "--version"];

/// Parses the command line. Help and version are printed here, and end the program.
pub(crate) fn parse() -> Result<Command, CliError> {
    parsed(&with_default_command(std::env::args_os()))
}

fn parsed(args: &[OsString]) -> Result<Command, CliError> {
    let (merged, settings) = with_settings(args)?;
    match Cli::try_parse_from(merged) {
        Ok(cli) => Ok(cli.command),
        Err(err) if matches!(err.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            err.exit()
        }
        Err(err) => Err(match settings {
            Some(settings) if Cli::try_parse_from(args).is_ok() => settings.error(usage_error(err)),
            _ => usage_error(err),
        }),
    }
}

/// Parses options of `owt serve` that are part of another command.
pub(crate) fn parse_serve(options: &[OsString]) -> Result<ServeArgs, CliError> {
    let mut args: Vec<OsString> = vec!["owt".into(), SERVE.into()];
    args.extend_from_slice(options);
    match parsed(&args)? {
        Command::Serve(args) => Ok(*args),
        _ => unreachable!("the command is named"),
    }
}

/// The command line of a server with what its file of settings says.
fn with_settings(args: &[OsString]) -> Result<(Vec<OsString>, Option<Settings>), CliError> {
    const AT: usize = 1;
    if args.get(AT).is_none_or(|command| command != SERVE) {
        return Ok((args.to_vec(), None));
    }
    let Some(settings) = Settings::find(args)? else { return Ok((args.to_vec(), None)) };
    Ok((settings.merged(&serve_command(), args, AT)?, Some(settings)))
}

/// The options of `owt serve`.
pub(crate) fn serve_command() -> clap::Command {
    let mut cli = Cli::command();
    cli.build();
    cli.find_subcommand(SERVE).expect("there is this command").clone()
}

/// The error of an invalid command line, with our suggestion in place of clap's where we have one.
fn usage_error(mut err: clap::Error) -> CliError {
    let suggestion = suggestion::for_error(&err);
    if suggestion.is_some() {
        err.remove(ContextKind::Suggested);
    }
    let message = err.render().to_string();
    let message = message.strip_prefix("error: ").unwrap_or(&message);
    suggestion.into_iter().fold(CliError::new(ExitKind::Usage, message), CliError::hint)
}

/// Inserts `serve` where no command is named: `owt --port 9000` serves.
fn with_default_command(args: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut args: Vec<OsString> = args.collect();
    let names_command = args.get(1).is_some_and(|first| {
        let first = first.to_string_lossy();
        !first.starts_with('-') || HELP_FLAGS.contains(&&*first)
    });
    if !names_command {
        args.insert(args.len().min(1), SERVE.into());
    }
    args
}

#[cfg(test)]
mod tests {
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
        assert_eq!(with_default_command(args.iter().map(OsString::from)), expected);
    }

    #[test]
    fn the_options_of_all_commands_are_consistent() {
        Cli::command().debug_assert();
    }
}
