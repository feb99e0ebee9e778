//! `owt call`: calls an adaptor on a server, and prints its reply as it comes.

mod bar;
pub(super) mod errors;
mod installing;

use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use owt_client::{Body, Client, Envelope, Form, Reply};

use self::bar::Bar;
use crate::args::value::{self, FormField};
use crate::args::{ARGUMENTS, AdaptorArgs, CodeArgs, ConnectionArgs, FieldArgs, RequestArgs};
use crate::input::Input;
use crate::output;
use crate::ui::{self, CliError, ExitKind};

const EXAMPLES: &str = "\
Examples:
  owt call adaptor.py prompt:hello n:3
  owt call -c 'lambda text: text.upper()' text:hello
  owt call adaptor.py text:@story.txt --output story.wav
  owt call adaptor.py --data @photo.jpg --header 'Content-Type: image/jpeg'
  owt call adaptor.py --form photo=@photo.jpg --form size=64
  owt call adaptor.py --url https://gpu-box:9876 --cacert ca.pem
  OWT_CLIENT_AUTH=me:secret owt call adaptor.py
  owt call adaptor.py --socket owt.sock";

#[derive(Debug, Args)]
#[command(after_help = format!("{ARGUMENTS}\n\n{EXAMPLES}"))]
pub(crate) struct CallArgs {
    #[command(flatten)]
    adaptor: AdaptorArgs,

    #[command(flatten)]
    connection: ConnectionArgs,

    /// Write the answer to a file
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    #[command(flatten)]
    request: RequestArgs,

    /// A field of a multipart form, as 'name=text' or 'name=@FILE'; repeatable
    #[arg(short = 'F', long, value_name = "FIELD", value_parser = value::form_field)]
    #[arg(conflicts_with = "data", help_heading = "The request")]
    form: Vec<FormField>,

    #[command(flatten)]
    fields: FieldArgs,

    #[command(flatten)]
    code: CodeArgs,
}

pub(crate) fn run(args: CallArgs) -> Result<ExitCode, CliError> {
    let mut input = Input::default();
    let envelope = args.fields.apply(args.adaptor.envelope(&mut input)?)?;
    let envelope = args.code.apply(envelope);
    let client = args.connection.client()?;
    let may_install = io::stderr().is_terminal() && installing::may_install(&envelope);
    let call = call(&client, envelope, args.request, &mut input)?;
    let call = if args.form.is_empty() { call } else { call.form(form(args.form)) };
    let bar = Bar::on_terminal();
    let call = bar
        .iter()
        .cloned()
        .fold(call, |call, bar| call.on_progress(move |progress| bar.show(&progress)));

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|err| CliError::caused(ExitKind::File, &err))?;
    let outcome = runtime.block_on(async {
        let reply = tokio::select! {
            reply = call.send() => reply.map_err(|err| errors::of(err, &args.connection))?,
            never = installing::show(&client), if may_install => match never {},
        };
        let status = reply.status();
        print(reply, args.output.as_deref(), bar.as_ref()).await?;
        if status.is_client_error() || status.is_server_error() {
            return Err(CliError::new(ExitKind::Answer, format!("the adaptor answered {status}")));
        }
        Ok(ExitCode::SUCCESS)
    });
    bar.inspect(Bar::erase);
    outcome
}

fn call(
    client: &Client,
    envelope: Envelope,
    request: RequestArgs,
    input: &mut Input,
) -> Result<owt_client::Call, CliError> {
    let mut call = client.call_with(envelope).method(request.method);
    for (name, value) in request.header {
        call = call.header(name, value);
    }
    match request.data {
        None => Ok(call),
        // A file may be larger than memory, so it is read while it is sent.
        Some(data) => Ok(match data.strip_prefix('@').filter(|path| *path != "-") {
            Some(path) => call.body(Body::file(path)),
            None => call.body(input.data(&data)?),
        }),
    }
}

fn form(fields: Vec<FormField>) -> Form {
    fields.into_iter().fold(Form::new(), |form, field| match field {
        FormField::Text { name, text } => form.text(name, text),
        FormField::File { name, path } => form.file(name, path),
    })
}

/// Writes the reply chunk by chunk. On standard output, it takes the place of the bar.
async fn print(mut reply: Reply, path: Option<&Path>, bar: Option<&Bar>) -> Result<(), CliError> {
    let mut out = output::open(path)?;
    let bar = bar.filter(|_| path.is_none());
    let request_id = reply.request_id().to_owned();
    while let Some(chunk) = reply
        .chunk()
        .await
        .map_err(|err| errors::truncated_error(&err, &request_id, out.is_mid_line()))?
    {
        bar.inspect(|bar| bar.erase());
        let result = out.write_all(&chunk).and_then(|()| out.flush());
        if result.as_ref().is_err_and(|err| err.kind() == io::ErrorKind::BrokenPipe) {
            return Ok(());
        }
        ui::check_written(result)?;
    }
    Ok(())
}
