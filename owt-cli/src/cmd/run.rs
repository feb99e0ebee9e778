//! `owt run`: a call with no server, in a worker process of its own.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use owt_core::Request;
use owt_server::{Config, LocalError};
use tracing::level_filters::LevelFilter;

use super::serve::cannot_serve;
use crate::args::{self, ARGUMENTS, AdaptorArgs, DependencyArgs, LocalFieldArgs, RequestArgs};
use crate::input::Input;
use crate::output;
use crate::ui::{self, CliError, ExitKind};

const EXAMPLES: &str = "\
Examples:
  owt run adaptor.py prompt:hello n:3
  owt run adaptor.py --python .venv text:@story.txt > story.wav";

#[derive(Debug, Args)]
#[command(after_help = format!("{ARGUMENTS}\n\n{EXAMPLES}"))]
pub(crate) struct RunArgs {
    #[command(flatten)]
    adaptor: AdaptorArgs,

    /// The interpreter, or the folder of a virtualenv, instead of the active one
    #[arg(long, value_name = "PATH", env = "OWT_PYTHON")]
    python: Option<PathBuf>,

    #[command(flatten)]
    installing: DependencyArgs,

    /// Write the answer to a file
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    #[command(flatten)]
    request: RequestArgs,

    #[command(flatten)]
    fields: LocalFieldArgs,
}

pub(crate) fn run(args: RunArgs) -> Result<ExitCode, CliError> {
    // What the adaptor prints goes to standard error as in a server; the server's own messages do not.
    let _log = owt_server::init_log(LevelFilter::WARN);
    let mut input = Input::default();
    let envelope = args.fields.apply(args.adaptor.envelope(&mut input)?)?;
    let call = envelope.into_call(request(args.request, &mut input)?);
    let config = Config {
        python: args.python,
        dependencies: args.installing.dependencies,
        install_timeout: args.installing.install_timeout,
        ..Config::default()
    };
    let mut out = output::open(args.output.as_deref())?;
    let head = match owt_server::run(&config, call, &mut out, ui::progress()) {
        Ok(head) => head,
        Err(LocalError::Output(err)) => {
            return ui::check_written(Err(err)).map(|()| ExitCode::SUCCESS);
        }
        Err(LocalError::Interrupted) => return Ok(ExitCode::from(ui::INTERRUPTED)),
        Err(LocalError::Start(err)) => return Err(cannot_serve(&err)),
        Err(LocalError::Call(err)) => {
            let message = args::with_option_names(err.code(), &err.sentence());
            return Err(CliError::new(ExitKind::Answer, format!("{}: {message}", err.code())));
        }
    };
    if head.status >= 400 {
        let message = format!("the adaptor answered {}", head.status);
        return Err(CliError::new(ExitKind::Answer, message));
    }
    Ok(ExitCode::SUCCESS)
}

/// The request that the adaptor sees, as if it had come over HTTP.
fn request(args: RequestArgs, input: &mut Input) -> Result<Request, CliError> {
    let body = args.data.map(|data| input.data(&data)).transpose()?.unwrap_or_default();
    Ok(Request {
        id: "run".to_owned(),
        method: args.method.to_string(),
        scheme: "http".to_owned(),
        host: "localhost".to_owned(),
        path: "/".to_owned(),
        query: String::new(),
        remote_addr: "127.0.0.1".to_owned(),
        headers: args.header.iter().map(|(name, value)| (name.as_str(), value)).collect(),
        body: body.into(),
        parts: None,
    })
}
