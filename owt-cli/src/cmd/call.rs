//! `owt call`: calls an adaptor on a server, and prints its reply as it comes.

mod errors;

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use owt_client::{Body, Client, ClientBuilder, Envelope, Form, Reply};

use crate::args::value::{self, FormField};
use crate::args::{ARGUMENTS, AdaptorArgs, CodeArgs, FieldArgs, RequestArgs, UrlArgs};
use crate::input::{Input, cannot_read};
use crate::output;
use crate::ui::{self, CliError, ExitKind};

const EXAMPLES: &str = "\
Examples:
  owt call adaptor.py prompt:hello n:3
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
    url: UrlArgs,

    /// Connect to the Unix socket of a server that was started with --socket
    #[arg(long, value_name = "PATH", env = "OWT_SOCKET")]
    socket: Option<PathBuf>,

    /// Who is calling; in OWT_CLIENT_AUTH, other users of this machine cannot read it
    #[arg(long, value_name = "USER:PASSWORD", env = "OWT_CLIENT_AUTH", hide_env_values = true)]
    #[arg(value_parser = value::login)]
    auth: Option<(String, String)>,

    /// The token of a server with --token; in OWT_CLIENT_TOKEN, other users of this machine cannot read it
    #[arg(long, value_name = "TOKEN", env = "OWT_CLIENT_TOKEN", hide_env_values = true)]
    #[arg(conflicts_with = "auth")]
    token: Option<String>,

    #[command(flatten)]
    trust: TrustArgs,

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

/// Whom to trust when the server speaks HTTPS. The names are curl's.
#[derive(Debug, Args)]
struct TrustArgs {
    /// Trust an https server with one of these certificates, or one that they issued, instead of those
    /// that the system trusts; a PEM file
    #[arg(long, value_name = "FILE", env = "OWT_CACERT")]
    cacert: Option<PathBuf>,

    /// Accept any certificate: an attacker in between can read and answer the call
    #[arg(short = 'k', long)]
    insecure: bool,
}

pub(crate) fn run(args: CallArgs) -> Result<ExitCode, CliError> {
    let mut input = Input::default();
    let envelope = args.fields.apply(args.adaptor.envelope(&mut input)?)?;
    let envelope = args.code.apply(envelope);
    let url = args.url.url;
    let mut builder = trusting(Client::builder(&url), &args.trust)?;
    if let Some(path) = &args.socket {
        builder = builder.unix_socket(path);
    }
    if let Some((user, password)) = args.auth {
        builder = builder.auth(user, password);
    }
    if let Some(token) = args.token {
        builder = builder.token(token);
    }
    let client = builder
        .build()
        .map_err(|err| errors::build_error(&err, &url, args.trust.cacert.as_deref()))?;
    let call = call(&client, envelope, args.request, &mut input)?;
    let call = if args.form.is_empty() { call } else { call.form(form(args.form)) };

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|err| CliError::caused(ExitKind::File, &err))?;
    runtime.block_on(async {
        let reply = call.send().await.map_err(|err| match &args.socket {
            Some(path) => errors::socket_error(err, path, &url),
            None => errors::send_error(err, &url),
        })?;
        let status = reply.status();
        print(reply, args.output.as_deref()).await?;
        if status.is_client_error() || status.is_server_error() {
            return Err(CliError::new(ExitKind::Answer, format!("the adaptor answered {status}")));
        }
        Ok(ExitCode::SUCCESS)
    })
}

/// As with curl, `--insecure` wins where both options are given.
fn trusting(builder: ClientBuilder, trust: &TrustArgs) -> Result<ClientBuilder, CliError> {
    if trust.insecure {
        return Ok(builder.danger_accept_invalid_certificates());
    }
    let Some(path) = &trust.cacert else { return Ok(builder) };
    let pem = fs::read(path).map_err(|err| cannot_read(&path.to_string_lossy(), &err))?;
    Ok(builder.root_certificate(pem))
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

/// Writes the reply chunk by chunk.
async fn print(mut reply: Reply, path: Option<&Path>) -> Result<(), CliError> {
    let mut out = output::open(path)?;
    let request_id = reply.request_id().to_owned();
    while let Some(chunk) = reply
        .chunk()
        .await
        .map_err(|err| errors::truncated_error(&err, &request_id, out.is_mid_line()))?
    {
        let result = out.write_all(&chunk).and_then(|()| out.flush());
        if result.as_ref().is_err_and(|err| err.kind() == io::ErrorKind::BrokenPipe) {
            return Ok(());
        }
        ui::check_written(result)?;
    }
    Ok(())
}
