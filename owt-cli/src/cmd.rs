//! The commands: a file or a folder for each, with its options and what it does.

mod approve;
mod call;
mod completions;
mod doctor;
mod encode;
mod env;
mod hash;
mod jobs;
mod key;
mod mcp;
mod ps;
mod run;
mod serve;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::ui::{self, CliError};

pub(crate) use encode::bad_base_url as encode_base_error;
pub(crate) use serve::{ROUTE_KEYS, ServeArgs, pool_text, route_text, unknown_route_key};

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
    Serve(Box<serve::ServeArgs>),
    /// Print the URL, or another form, of a call
    Encode(encode::EncodeArgs),
    /// Call an adaptor on a server, and print its answer as it comes
    Call(call::CallArgs),
    /// Call an adaptor with no server running
    Run(run::RunArgs),
    /// Make the value of --auth for a user
    Hash(hash::HashArgs),
    /// Put a new key for signed URLs into a file
    Key(key::KeyArgs),
    /// Add an adaptor to the list of --only-digests
    Approve(approve::ApproveArgs),
    /// Show what a server runs: its pools, processes and loaded adaptors
    Ps(ps::PsArgs),
    /// List jobs, calls that go on without their client; wait for one, or cancel it
    Jobs(jobs::JobsArgs),
    /// Give agents that speak MCP over standard input and output the tools of a server
    Mcp(mcp::McpArgs),
    /// Say which Python is used, and what is wrong with it
    Doctor(doctor::DoctorArgs),
    /// List or remove the environments that were made for adaptors
    Env(env::EnvArgs),
    /// Print a shell's completions, for: source <(owt completions bash)
    Completions(completions::CompletionsArgs),
}

/// Runs a command.
pub(crate) fn run(command: Command) -> Result<ExitCode, CliError> {
    match command {
        Command::Serve(args) => serve::run(*args),
        Command::Encode(args) => encode::run(args),
        Command::Call(args) => call::run(args),
        Command::Run(args) => run::run(args),
        Command::Hash(args) => hash::run(&args),
        Command::Key(args) => key::run(&args),
        Command::Approve(args) => approve::run(&args),
        Command::Ps(args) => ps::run(&args),
        Command::Jobs(args) => jobs::run(args),
        Command::Mcp(args) => mcp::run(&args),
        Command::Doctor(args) => doctor::run(args),
        Command::Env(args) => env::run(args),
        Command::Completions(args) => completions::run(&args),
    }
}
