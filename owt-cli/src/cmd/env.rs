//! `owt env`: the environments that were made for adaptors, listed and removed.

use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use owt_server::{KeptEnvironment, Removal, kept_environments, remove_environment};

use crate::ui::{self, CliError, ExitKind};

#[derive(Debug, Args)]
pub(crate) struct EnvArgs {
    #[command(subcommand)]
    command: EnvCommand,
}

#[derive(Debug, Subcommand)]
enum EnvCommand {
    /// List them: name, Python, how long nobody has used it, packages
    List,
    /// Remove some, or all that no server uses
    Remove(RemoveArgs),
}

#[derive(Debug, Args)]
struct RemoveArgs {
    /// Their names, as `owt env list` has them
    #[arg(value_name = "NAME", required_unless_present = "all")]
    names: Vec<String>,

    /// All that no server uses
    #[arg(long, conflicts_with = "names")]
    all: bool,
}

pub(crate) fn run(args: EnvArgs) -> Result<ExitCode, CliError> {
    match args.command {
        EnvCommand::List => list(),
        EnvCommand::Remove(args) if args.all => remove_all(),
        EnvCommand::Remove(args) => remove(&args.names),
    }
}

fn list() -> Result<ExitCode, CliError> {
    for kept in kept()? {
        let python = kept.python.as_deref().unwrap_or("not ready");
        let packages = kept.dependencies.join(" ");
        ui::print(&format!("{}  {python:9}  {:>4}  {packages}", kept.key, age(kept.unused)))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn kept() -> Result<Vec<KeptEnvironment>, CliError> {
    kept_environments()
        .map_err(|err| CliError::new(ExitKind::File, format!("cannot list environments: {err}")))
}

fn remove_all() -> Result<ExitCode, CliError> {
    for kept in kept()? {
        removal(&kept.key)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn remove(names: &[String]) -> Result<ExitCode, CliError> {
    for name in names {
        match removal(name)? {
            Removal::Removed => {}
            Removal::InUse => {
                let message = format!("a server uses the environment {name}");
                return Err(CliError::new(ExitKind::File, message)
                    .hint("its workers end ten minutes after its last call, or with the server"));
            }
            Removal::Unknown => {
                return Err(CliError::new(
                    ExitKind::Usage,
                    format!("there is no environment {name}"),
                )
                .hint("owt env list shows their names"));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn removal(name: &str) -> Result<Removal, CliError> {
    remove_environment(name).map_err(|err| {
        CliError::new(ExitKind::File, format!("cannot remove the environment {name}: {err}"))
    })
}

/// A time in its largest whole unit.
fn age(time: Duration) -> String {
    let seconds = time.as_secs();
    let units = [(24 * 60 * 60, "d"), (60 * 60, "h"), (60, "min")];
    let unit = units.into_iter().find(|(unit, _)| seconds >= *unit);
    unit.map_or_else(|| format!("{seconds}s"), |(unit, name)| format!("{}{name}", seconds / unit))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(0, "0s")]
    #[case(59, "59s")]
    #[case(60, "1min")]
    #[case(7300, "2h")]
    #[case(30 * 24 * 60 * 60, "30d")]
    fn an_age_is_in_its_largest_unit(#[case] seconds: u64, #[case] expected: &str) {
        assert_eq!(age(Duration::from_secs(seconds)), expected);
    }
}
