//! `owt mcp`: the tools of a server for agents that speak over standard input and output, as desktop
//! programs do.

mod bridge;
mod message;

use std::ffi::OsString;
use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::sync::mpsc;
use std::thread;

use clap::Args;
use owt_client::Client;
use owt_server::{Address, Token};
use rustix::process::{Signal, getpid, kill_process};
use tokio::runtime::Runtime;

use super::call::errors;
use super::serve;
use crate::args::ConnectionArgs;
use crate::cli::parse_serve;
use crate::ui::{self, CliError, ExitKind};

const EXAMPLES: &str = "\
Examples:
  owt mcp                                      with a server of its own, which ends with the agent
  owt mcp -- --route /words=words.py           the same, with an endpoint as a tool
  owt mcp --attach                             with the server that runs on this machine
  owt mcp --attach --url https://gpu:9876      with another one";

const FOR_PROGRAMS: &str =
    "owt: this is for programs that start it and speak MCP, a message a line; Ctrl-D ends it";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct McpArgs {
    /// Use a server that runs already, at --url or --socket
    #[arg(long)]
    attach: bool,

    #[command(flatten)]
    connection: ConnectionArgs,

    /// Options of owt serve, for the server of its own
    #[arg(last = true, value_name = "SERVE OPTIONS", conflicts_with = "attach")]
    serve: Vec<OsString>,
}

pub(crate) fn run(args: &McpArgs) -> Result<ExitCode, CliError> {
    match args.attach {
        true => {
            let client = args.connection.client()?;
            let runtime = ui::runtime()?;
            let asked = runtime.block_on(client.status("health"));
            // Agents show what is wrong at the start, if anything.
            asked.map_err(|err| errors::of(err, &args.connection))?;
            speak(runtime, client).map(|()| ExitCode::SUCCESS)
        }
        false => with_own_server(&args.serve),
    }
}

/// Serves until the agent has gone.
fn with_own_server(options: &[OsString]) -> Result<ExitCode, CliError> {
    let args = parse_serve(options)?;
    let (told, outcome) = mpsc::channel();
    let served = serve::run_own(args, |address, token| {
        let address = address.clone();
        thread::spawn(move || {
            let spoken =
                client(&address, token.as_ref()).and_then(|client| speak(ui::runtime()?, client));
            let _ = told.send(spoken);
            // The server ends as it does with any signal.
            let _ = kill_process(getpid(), Signal::TERM);
        });
    });
    outcome.try_recv().unwrap_or(Ok(())).and(served)
}

fn client(address: &Address, token: Option<&Token>) -> Result<Client, CliError> {
    let builder = match address {
        Address::Tcp(address) if address.ip().is_unspecified() => {
            Client::builder(format!("http://localhost:{}", address.port()))
        }
        Address::Tcp(address) => Client::builder(format!("http://{address}")),
        Address::Socket(path) => Client::builder("http://localhost").unix_socket(path),
    };
    let builder = match token {
        Some(token) => builder.token(token.as_str()),
        None => builder,
    };
    builder.build().map_err(|err| CliError::caused(ExitKind::Connection, &err))
}

/// Passes messages on until the agent has gone.
fn speak(runtime: Runtime, client: Client) -> Result<(), CliError> {
    if io::stdin().is_terminal() {
        let _ = writeln!(anstream::stderr(), "{FOR_PROGRAMS}");
    }
    let spoken = runtime.block_on(bridge::run(client));
    // A read of standard input cannot be cancelled, and is not waited for.
    runtime.shutdown_background();
    spoken.or_else(|err| match err.kind() {
        // Whoever reads the answers has gone first.
        io::ErrorKind::BrokenPipe => Ok(()),
        _ => Err(CliError::caused(ExitKind::File, &err)),
    })
}
