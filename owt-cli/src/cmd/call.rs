//! `owt call`: calls an adaptor on a server, and prints its reply as it comes.

mod answer;
mod bar;
pub(super) mod errors;
mod installing;

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use owt_client::{Body, Client, Envelope, Form};

pub(super) use self::answer::answer;
pub(super) use self::bar::Bar;
use crate::args::value::{self, FormField};
use crate::args::{ARGUMENTS, AdaptorArgs, CodeArgs, ConnectionArgs, FieldArgs, RequestArgs};
use crate::input::Input;
use crate::ui::{self, CliError};

const EXAMPLES: &str = "\
Examples:
  owt call adaptor.py prompt:hello n:3
  owt call -c 'lambda text: text.upper()' text:hello
  owt call adaptor.py text:@story.txt --output story.wav
  owt call adaptor.py --data @photo.jpg --header 'Content-Type: image/jpeg'
  owt call adaptor.py --form photo=@photo.jpg --form size=64
  owt call adaptor.py --url https://gpu-box:9876 --cacert ca.pem
  OWT_CLIENT_AUTH=me:secret owt call adaptor.py
  owt call adaptor.py --socket owt.sock
  owt jobs wait \"$(owt call adaptor.py --background)\"";

#[derive(Debug, Args)]
#[command(after_help = format!("{ARGUMENTS}\n\n{EXAMPLES}"))]
pub(crate) struct CallArgs {
    #[command(flatten)]
    adaptor: AdaptorArgs,

    #[command(flatten)]
    connection: ConnectionArgs,

    /// Have the server run the call without waiting for it, and print the id of the job; see `owt jobs`
    #[arg(short, long, conflicts_with = "output")]
    background: bool,

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
    let runtime = ui::runtime()?;
    if args.background {
        let job = runtime.block_on(call.submit());
        return ui::print(job.map_err(|err| errors::of(err, &args.connection))?.id());
    }
    let bar = Bar::on_terminal();
    let call = bar
        .iter()
        .cloned()
        .fold(call, |call, bar| call.on_progress(move |progress| bar.show(&progress)));
    let sent = async {
        tokio::select! {
            reply = call.send() => reply,
            never = installing::show(&client), if may_install => match never {},
        }
    };
    runtime.block_on(answer(sent, &args.connection, args.output.as_deref(), bar, ""))
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
