//! The command line: what it may say, and how that is explained.

mod call;
mod meant;
mod serve;
mod value;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::{ContextKind, ErrorKind};
use clap::{Args, CommandFactory, Parser, Subcommand};
use clap_complete::Shell;

pub(crate) use call::{CallArgs, EncodeArgs, Format, RequestArgs, RunArgs, TrustArgs};
pub(crate) use serve::ServeArgs;
pub(crate) use value::FormField;

use crate::ui::{self, CliError, Failure};

const ABOUT: &str = "Serve Python that requests bring with them.

A request to owt carries its own handler, so a new endpoint exists from the moment it is called.
Without a command, owt serves.";

const EXAMPLES: &str = "\
Examples:
  owt                                          serve on 127.0.0.1:9876
  owt call adaptor.py prompt:'hello' n:3       call an adaptor on that server
  owt encode adaptor.py prompt:'hello'         print the URL that makes this call
  owt run adaptor.py prompt:'hello'            call it with no server at all";

#[derive(Debug, Parser)]
#[command(name = "owt", version, about = ABOUT, subcommand_required = true)]
#[command(after_help = EXAMPLES, after_long_help = format!("{EXAMPLES}\n\n{}", ui::EXIT_CODES))]
#[command(override_usage = "owt [COMMAND] [OPTIONS]")]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start the server
    Serve(Box<ServeArgs>),
    /// Print the URL, or another form, of a call
    Encode(EncodeArgs),
    /// Call an adaptor on a server, and print its answer as it comes
    Call(CallArgs),
    /// Call an adaptor with no server running
    Run(RunArgs),
    /// Make the value of --auth for a user
    Hash(HashArgs),
    /// Say which Python is used, and what is wrong with it
    Doctor(DoctorArgs),
    /// Print a shell's completions, for: source <(owt completions bash)
    Completions(CompletionsArgs),
    /// Run adaptors for a server that started this process
    #[command(hide = true)]
    Worker,
}

#[derive(Debug, Args)]
pub(crate) struct HashArgs {
    /// The user's name
    pub(crate) user: String,
}

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// The interpreter, or the folder of a virtualenv, to look at instead of the active one
    #[arg(long, value_name = "PATH", env = "OWT_PYTHON")]
    pub(crate) python: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    pub(crate) shell: Shell,
}

/// Reads the command line. Help and version are printed here, and end the program.
pub(crate) fn parse() -> Result<Command, CliError> {
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

/// The program as completions describe it.
pub(crate) fn command() -> clap::Command {
    Cli::command()
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
        command().debug_assert();
    }
}
