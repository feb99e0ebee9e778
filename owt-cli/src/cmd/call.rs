//! `owt call`: a call of a server, and its answer as it comes.

use std::path::Path;
use std::process::ExitCode;
use std::{fs, io, iter};

use owt_client::{Body, Client, ClientBuilder, Envelope, Error, Form, Reply, ServerError};

use super::encode::bad_base;
use crate::cli::{CallArgs, FormField, RequestArgs, TrustArgs};
use crate::input::{Input, cannot_read};
use crate::output;
use crate::ui::{self, CliError, Failure};

const BY_HTTPS: &str = "if it was started with --tls-cert, call it with --url https://…";

pub(crate) fn run(args: CallArgs) -> Result<ExitCode, CliError> {
    let mut input = Input::default();
    let envelope = args.fields.apply(args.adaptor.envelope(&mut input)?);
    let mut builder = trusting(Client::builder(&args.url), &args.trust)?;
    if let Some((user, password)) = args.auth {
        builder = builder.auth(user, password);
    }
    let client = builder.build().map_err(|err| not_built(&err, &args.url, &args.trust))?;
    let call = call(&client, envelope, args.request, &mut input)?;
    let call = if args.form.is_empty() { call } else { call.form(form(args.form)) };

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|err| CliError::caused(Failure::File, &err))?;
    runtime.block_on(async {
        let reply = call.send().await.map_err(|err| failed(err, &args.url))?;
        let status = reply.status();
        print(reply, args.output.as_deref()).await?;
        if status.is_client_error() || status.is_server_error() {
            return Err(CliError::new(Failure::Answer, format!("the adaptor answered {status}")));
        }
        Ok(ExitCode::SUCCESS)
    })
}

/// As with curl, any certificate will do where both options are given.
fn trusting(builder: ClientBuilder, trust: &TrustArgs) -> Result<ClientBuilder, CliError> {
    if trust.insecure {
        return Ok(builder.danger_accept_invalid_certificates());
    }
    let Some(path) = &trust.cacert else { return Ok(builder) };
    let pem = fs::read(path).map_err(|err| cannot_read(&path.to_string_lossy(), &err))?;
    Ok(builder.root_certificate(pem))
}

fn not_built(err: &Error, url: &str, trust: &TrustArgs) -> CliError {
    let path = trust.cacert.as_deref().map(Path::to_string_lossy).unwrap_or_default();
    match err {
        Error::RootCertificate(_) => {
            let words = format!("{path} holds no certificate that can be read");
            CliError::new(Failure::File, words).hint("give a certificate in PEM form with --cacert")
        }
        err => bad_base(url, err),
    }
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

/// Writes the answer chunk by chunk.
async fn print(mut reply: Reply, path: Option<&Path>) -> Result<(), CliError> {
    let mut out = output::open(path)?;
    while let Some(chunk) = reply.chunk().await.map_err(|err| broken(&err))? {
        let result = out.write_all(&chunk).and_then(|()| out.flush());
        if result.as_ref().is_err_and(|err| err.kind() == io::ErrorKind::BrokenPipe) {
            return Ok(());
        }
        ui::written(result)?;
    }
    Ok(())
}

fn failed(err: Error, base: &str) -> CliError {
    match err {
        Error::Server(err) => from_server(&err),
        Error::Upload { path, source } => cannot_read(&path.to_string_lossy(), &source),
        Error::UrlTooLong => CliError::caused(Failure::Usage, &err)
            .hint("send the body as a file of a form: --form name=@FILE"),
        Error::Unreachable(_) => CliError::caused(Failure::Connection, &err)
            .hint(format!("start it with: owt serve, or name another with --url (now {base})")),
        Error::UnknownIssuer => broken(&err).hint("name the one that does with --cacert FILE"),
        Error::NotTls => broken(&err).hint("if it has no certificate, call it with --url http://…"),
        // Without the causes: what has gone wrong is that something tried to read it.
        Error::NotHttp(_) => CliError::new(Failure::Connection, err.to_string()).hint(BY_HTTPS),
        Error::Broken(_) if is_closed(&err) && !base.starts_with("https:") => {
            broken(&err).hint(BY_HTTPS)
        }
        err => broken(&err),
    }
}

/// Whether the server has closed the connection while the call was being sent. One that speaks HTTPS
/// does that to a long call by `http`.
fn is_closed(err: &Error) -> bool {
    let first: &(dyn std::error::Error + 'static) = err;
    let causes = iter::successors(Some(first), |&err| err.source());
    let mut kinds = causes.filter_map(|err| Some(err.downcast_ref::<io::Error>()?.kind()));
    let closed = [io::ErrorKind::BrokenPipe, io::ErrorKind::ConnectionReset];
    kinds.any(|kind| closed.contains(&kind))
}

fn broken(err: &Error) -> CliError {
    CliError::caused(Failure::Connection, err)
}

/// Owt's own words, and what this program can do about them.
fn from_server(err: &ServerError) -> CliError {
    let shown = CliError::new(Failure::Answer, format!("{}: {}", err.code, err.text));
    match err.code.as_str() {
        "auth-required" => shown.hint("say who you are with --auth USER:PASSWORD"),
        "code-unknown" => shown.hint("leave out --digest to send the code itself"),
        _ => shown,
    }
}
