//! `owt jobs`: calls that go on without their client, listed, waited for and cancelled.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};
use owt_client::{JobStatus, Progress};
use serde_json::Value;

use super::call::{Bar, answer, errors};
use crate::args::ConnectionArgs;
use crate::table;
use crate::ui::{self, CliError};

const EXAMPLES: &str = "\
Examples:
  owt call adaptor.py --background             start a job, and print its id
  owt jobs                                     list all jobs
  owt jobs wait ID --output story.wav          wait for one, and write its reply to a file
  owt jobs cancel ID                           end it, or drop its reply";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub(crate) struct JobsArgs {
    #[command(subcommand)]
    command: Option<JobsCommand>,

    #[command(flatten)]
    list: ListArgs,
}

#[derive(Debug, Subcommand)]
enum JobsCommand {
    /// List them, the oldest first; so does `owt jobs` alone
    List(ListArgs),
    /// Wait for the end of a job, and print its reply
    Wait(WaitArgs),
    /// Cancel the call of a job, or drop its reply
    Cancel(CancelArgs),
}

#[derive(Debug, Args)]
struct ListArgs {
    #[command(flatten)]
    connection: ConnectionArgs,

    /// Print the server's own description, as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct WaitArgs {
    /// Its id, as `owt call --background` prints it
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    id: String,

    #[command(flatten)]
    connection: ConnectionArgs,

    /// Write the reply to a file
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct CancelArgs {
    /// Their ids, as `owt call --background` prints them
    #[arg(value_name = "ID", required = true, value_parser = NonEmptyStringValueParser::new())]
    ids: Vec<String>,

    #[command(flatten)]
    connection: ConnectionArgs,
}

pub(crate) fn run(args: JobsArgs) -> Result<ExitCode, CliError> {
    match args.command.unwrap_or(JobsCommand::List(args.list)) {
        JobsCommand::List(args) => list(&args),
        JobsCommand::Wait(args) => wait(&args),
        JobsCommand::Cancel(args) => cancel(&args),
    }
}

fn list(args: &ListArgs) -> Result<ExitCode, CliError> {
    let client = args.connection.client()?;
    let text = ui::runtime()?.block_on(async {
        match args.json {
            true => client.status("jobs").await?.json::<Value>().await.map(|jobs| jobs.to_string()),
            false => client.jobs().await.map(|jobs| render(&jobs)),
        }
    });
    ui::print(&text.map_err(|err| errors::of(err, &args.connection))?)
}

fn wait(args: &WaitArgs) -> Result<ExitCode, CliError> {
    let job = args.connection.client()?.job(&args.id);
    let bar = Bar::on_terminal();
    let job = bar
        .iter()
        .cloned()
        .fold(job, |job, bar| job.on_progress(move |progress| bar.show(&progress)));
    let reply = job.result();
    let goes_on = format!("the job goes on; to wait for it again: owt jobs wait {}", args.id);
    ui::runtime()?.block_on(answer(reply, &args.connection, args.output.as_deref(), bar, &goes_on))
}

fn cancel(args: &CancelArgs) -> Result<ExitCode, CliError> {
    let client = args.connection.client()?;
    ui::runtime()?.block_on(async {
        for id in &args.ids {
            let cancelled = client.job(id).cancel().await;
            cancelled.map_err(|err| {
                let err = errors::of(err, &args.connection);
                let message = format!("{}: {}", printable(id), err.message());
                err.with_message(message)
            })?;
        }
        Ok(ExitCode::SUCCESS)
    })
}

fn render(jobs: &[JobStatus]) -> String {
    let rows: Vec<_> = jobs.iter().map(row).collect();
    table::render(["JOB", "STATE", "AGE", "CALL", "STATUS", "SIZE", "PROGRESS"], &rows)
}

#[expect(clippy::cast_precision_loss, reason = "it is shown to one place")]
fn row(job: &JobStatus) -> [String; 7] {
    let missing = || "-".to_owned();
    [
        printable(&job.id),
        job.state.to_string(),
        table::seconds(job.age.as_secs_f64()),
        format!("{} {}", job.method, printable(&job.path)),
        job.status.map_or_else(missing, |status| status.to_string()),
        job.bytes.map_or_else(missing, |bytes| table::bytes(bytes as f64)),
        job.progress.as_ref().map_or_else(missing, progress),
    ]
}

/// As in `3/10 counting`.
fn progress(progress: &Progress) -> String {
    let total = progress.total.map(|total| format!("/{total}")).unwrap_or_default();
    let text = progress.text.as_deref().map(|text| format!(" {}", printable(text)));
    format!("{}{total}{}", progress.done, text.unwrap_or_default())
}

/// Text of a client's, in which nothing is an order to a terminal.
fn printable(text: &str) -> String {
    text.escape_debug().collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn jobs_are_in_a_table() {
        let digest = "72fce59447a01f488b1169d2d742679cfe306a89772d67fef018bcfe95431f68";
        let jobs: Vec<JobStatus> = serde_json::from_value(json!([
            {"id": "mine", "digest": digest, "method": "POST", "path": "/a\u{1b}[2J", "state": "running",
             "age": 65.2, "progress": {"done": 3, "total": 10, "text": "counting"}},
            {"id": "0123456789abcdef", "digest": digest, "method": "GET", "path": "/", "state": "done",
             "age": 2.0, "ended": 1.0, "status": 200, "bytes": 2048},
        ]))
        .unwrap();
        let expected = "\
JOB               STATE    AGE    CALL              STATUS  SIZE     PROGRESS
mine              running  1m05s  POST /a\\u{1b}[2J  -       -        3/10 counting
0123456789abcdef  done     2s     GET /             200     2.0 KiB  -";
        assert_eq!(render(&jobs), expected);
    }
}
