//! `owt ps`: the pools of a server, their workers, and the adaptors that these have loaded.

mod table;

use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use owt_client::Client;
use serde_json::Value;

use super::call::errors;
use crate::args::{ConnectionArgs, value};
use crate::ui::{self, CliError};

/// What clears a terminal, and puts the cursor at its start (ECMA-48: ED, CUP).
const CLEAR: &str = "\x1b[2J\x1b[H";

#[derive(Debug, Args)]
pub(crate) struct PsArgs {
    #[command(flatten)]
    connection: ConnectionArgs,

    /// Show it again and again, every two seconds or so many
    #[arg(short, long, value_name = "SECONDS", num_args = 0..=1)]
    #[arg(default_missing_value = "2", value_parser = value::limit)]
    watch: Option<Duration>,

    /// Print the server's own description, as JSON
    #[arg(long, conflicts_with = "watch")]
    json: bool,
}

pub(crate) fn run(args: &PsArgs) -> Result<ExitCode, CliError> {
    let client = args.connection.client()?;
    ui::runtime()?.block_on(async {
        let ask = async |what| ask(&client, &args.connection, what).await;
        let Some(interval) = args.watch else {
            let (pools, adaptors) = (ask("pools").await?, ask("adaptors").await?);
            return ui::print(&match args.json {
                true => serde_json::json!({ "pools": pools, "adaptors": adaptors }).to_string(),
                false => table::render(&pools, &adaptors),
            });
        };
        loop {
            let text = table::render(&ask("pools").await?, &ask("adaptors").await?);
            show(&text)?;
            tokio::time::sleep(interval).await;
        }
    })
}

/// In place of what was there before, on a terminal; else below it.
fn show(text: &str) -> Result<(), CliError> {
    let mut stdout = io::stdout().lock();
    let clear = if stdout.is_terminal() { CLEAR } else { "" };
    ui::check_written(writeln!(stdout, "{clear}{text}").and_then(|()| stdout.flush()))
}

async fn ask(client: &Client, connection: &ConnectionArgs, what: &str) -> Result<Value, CliError> {
    let reply = client.status(what).await.map_err(|err| errors::of(err, connection))?;
    reply.json().await.map_err(|err| errors::of(err, connection))
}
