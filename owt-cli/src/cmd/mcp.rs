//! `owt mcp`: the tools of a server for agents that speak over standard input and output, as desktop
//! programs do.

mod bridge;
mod message;

use std::ffi::OsString;
use std::io;
use std::process::ExitCode;
use std::sync::mpsc;
use std::thread;

use clap::Args;
use owt_client::Client;
use owt_server::Address;
use rustix::process::{Signal, getpid, kill_process};

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

/// Where the server of its own listens, unless the options name another place: nobody has to know.
const ANY_PORT: [&str; 2] = ["--port", "0"];

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
            let asked = ui::runtime()?.block_on(client.status("health"));
            // Agents show what is wrong at the start, if anything.
            asked.map_err(|err| errors::of(err, &args.connection))?;
            speak(client).map(|()| ExitCode::SUCCESS)
        }
        false => with_own_server(&args.serve),
    }
}

/// Serves until the agent has gone.
fn with_own_server(options: &[OsString]) -> Result<ExitCode, CliError> {
    let is_placed = options.iter().filter_map(|option| option.to_str()).any(|option| {
        ["--port", "--socket"].iter().any(|name| {
            option.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
        })
    });
    let place = ANY_PORT.iter().filter(|_| !is_placed).map(OsString::from);
    let args = parse_serve(place.chain(options.iter().cloned()))?;
    let (told, outcome) = mpsc::channel();
    let served = serve::run_with(args, |address| {
        let address = address.clone();
        thread::spawn(move || {
            let _ = told.send(client(&address).and_then(speak));
            // The server ends as it does with any signal.
            let _ = kill_process(getpid(), Signal::TERM);
        });
    });
    outcome.try_recv().unwrap_or(Ok(())).and(served)
}

fn client(address: &Address) -> Result<Client, CliError> {
    let builder = match address {
        Address::Tcp(address) => Client::builder(format!("http://{address}")),
        Address::Socket(path) => Client::builder("http://localhost").unix_socket(path),
    };
    builder.build().map_err(|err| CliError::caused(ExitKind::Connection, &err))
}

/// Passes messages on until the agent has gone.
fn speak(client: Client) -> Result<(), CliError> {
    ui::runtime()?.block_on(bridge::run(client)).or_else(|err| match err.kind() {
        // Whoever reads the answers has gone first.
        io::ErrorKind::BrokenPipe => Ok(()),
        _ => Err(CliError::caused(ExitKind::File, &err)),
    })
}
