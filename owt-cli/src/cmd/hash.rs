//! `owt hash`: the value of `--auth` for a user.

use std::io::{self, IsTerminal};
use std::process::ExitCode;

use clap::Args;
use owt_core::Digest;

use crate::ui::{self, CliError, ExitKind};

#[derive(Debug, Args)]
pub(crate) struct HashArgs {
    /// The user's name
    user: String,
}

pub(crate) fn run(args: &HashArgs) -> Result<ExitCode, CliError> {
    // A colon ends the name in HTTP Basic authentication, and a comma in OWT_AUTH.
    if args.user.is_empty() || args.user.contains([':', ',']) {
        let message = format!("a user's name cannot be {:?}", args.user);
        return Err(CliError::new(ExitKind::Usage, message).hint("leave out colons and commas"));
    }
    let password = password(&args.user)
        .map_err(|err| CliError::new(ExitKind::File, format!("cannot read the password: {err}")))?;
    if password.is_empty() {
        return Err(CliError::new(ExitKind::Usage, "the password is empty"));
    }
    ui::print(&format!("{}:{}", args.user, Digest::of(&password)))
}

/// Asks twice on a terminal, without echo, and reads one line of anything else.
fn password(user: &str) -> io::Result<String> {
    if !io::stdin().is_terminal() {
        let mut line = String::new();
        io::stdin().read_line(&mut line)?;
        return Ok(line.trim_end_matches(['\r', '\n']).to_owned());
    }
    let first = rpassword::prompt_password(format!("Password of {user}: "))?;
    let second = rpassword::prompt_password("The same again: ")?;
    if first == second { Ok(first) } else { Err(io::Error::other("the two are not the same")) }
}
