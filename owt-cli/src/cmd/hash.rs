//! `owt hash`: the value of `--auth` for a user or a token.

use std::io::{self, IsTerminal};
use std::process::ExitCode;

use clap::Args;
use owt_server::{Credential, Token};

use crate::ui::{self, CliError, ExitKind};

#[derive(Debug, Args)]
pub(crate) struct HashArgs {
    /// The user's name
    #[arg(required_unless_present = "token")]
    user: Option<String>,

    /// Hash by Argon2id: who reads the hash can hardly find the password, which SHA-256 is too fast for
    #[arg(long)]
    argon2: bool,

    /// Hash a token instead of a user's password, for a line of --auth-file
    #[arg(long, conflicts_with_all = ["user", "argon2"])]
    token: bool,
}

pub(crate) fn run(args: &HashArgs) -> Result<ExitCode, CliError> {
    let credential = match &args.user {
        Some(user) => of_user(user, args.argon2)?,
        None => of_token()?,
    };
    ui::print(&credential.to_string())
}

fn of_user(user: &str, is_slow: bool) -> Result<Credential, CliError> {
    let name_error = || {
        let message = format!("a user's name cannot be {user:?}");
        CliError::new(ExitKind::Usage, message).hint("leave out colons and commas")
    };
    // Before a password is asked for.
    Credential::sha256(user, "").map_err(|_| name_error())?;
    let password = secret(&format!("Password of {user}: "))?;
    if password.is_empty() {
        return Err(CliError::new(ExitKind::Usage, "the password is empty"));
    }
    let hash = if is_slow { Credential::argon2 } else { Credential::sha256 };
    hash(user, &password).map_err(|_| name_error())
}

fn of_token() -> Result<Credential, CliError> {
    let token: Token = secret("Token: ")?.parse().map_err(|err| {
        CliError::new(ExitKind::Usage, format!("the token cannot be used: it {err}"))
    })?;
    Ok(Credential::from(&token))
}

fn secret(prompt: &str) -> Result<String, CliError> {
    let read = ask(prompt);
    read.map_err(|err| CliError::new(ExitKind::File, format!("cannot read the secret: {err}")))
}

/// Asks twice on a terminal, without echo, and reads one line of anything else.
fn ask(prompt: &str) -> io::Result<String> {
    if !io::stdin().is_terminal() {
        let mut line = String::new();
        io::stdin().read_line(&mut line)?;
        return Ok(line.trim_end_matches(['\r', '\n']).to_owned());
    }
    let first = rpassword::prompt_password(prompt)?;
    let second = rpassword::prompt_password("The same again: ")?;
    if first == second { Ok(first) } else { Err(io::Error::other("the two are not the same")) }
}
