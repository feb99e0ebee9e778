//! `owt encode`: a call in a form that other programs can send.

use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use clap::{Args, ValueEnum};
use owt_core::{BaseInvalid, Envelope, OwtifyError, UrlKeys, base};

use crate::args::{ARGUMENTS, AdaptorArgs, CodeArgs, FieldArgs, UrlArgs, UrlKeyArgs, value};
use crate::input::Input;
use crate::ui::{self, CliError, ExitKind};

const EXAMPLES: &str = "\
Examples:
  owt encode adaptor.py prompt:hello
  owt encode adaptor.py \"{'prompt': 'hello'}\" --format curl | sh
  echo 'lambda: 1 + 1' | owt encode - --url https://host/path
  owt encode adaptor.py --sign --expires 7d --url-key url.key";

#[derive(Debug, Args)]
#[command(after_help = format!("{ARGUMENTS}\n\n{EXAMPLES}"))]
pub(crate) struct EncodeArgs {
    #[command(flatten)]
    adaptor: AdaptorArgs,

    /// What to print
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Url)]
    format: Format,

    /// Sign the URL: whoever has it may make this call, and needs no password
    #[arg(long, help_heading = "Access")]
    sign: bool,

    /// How long a signed URL is valid: 90s, 30m, 1h or 7d
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = value::lifetime)]
    #[arg(help_heading = "Access", requires = "sign")]
    expires: Duration,

    #[command(flatten)]
    url_key: UrlKeyArgs,

    #[command(flatten)]
    url: UrlArgs,

    #[command(flatten)]
    fields: FieldArgs,

    #[command(flatten)]
    code: CodeArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A URL that makes the call
    Url,
    /// A curl command that makes the call
    Curl,
    /// A JSON body to send with POST
    Json,
    /// A query string, or the body of a form
    Query,
    /// A fetch() of JavaScript that makes the call
    Fetch,
}

pub(crate) fn run(args: EncodeArgs) -> Result<ExitCode, CliError> {
    let envelope = args.fields.apply(args.adaptor.envelope(&mut Input::default())?)?;
    let envelope = args.code.apply(envelope);
    let text = match args.sign {
        false => write(&envelope, args.format, &args.url.url),
        true => {
            let keys = signing_keys(args.format, args.url_key)?;
            let expires = SystemTime::now() + args.expires;
            envelope.to_signed_url(&args.url.url, keys.newest(), expires)
        }
    };
    ui::print(&text.map_err(|err| cannot_encode(&args.url.url, &err))?)
}

fn signing_keys(format: Format, url_key: UrlKeyArgs) -> Result<UrlKeys, CliError> {
    match format {
        Format::Url => url_key.keys(),
        _ => Err(CliError::new(ExitKind::Usage, "only a URL can be signed")
            .hint("leave out --format, or --sign")),
    }
}

fn cannot_encode(base: &str, err: &OwtifyError) -> CliError {
    match err {
        OwtifyError::TooLong => CliError::caused(ExitKind::Usage, err)
            .hint("print a command that posts it: --format curl"),
        OwtifyError::Base(BaseInvalid::Query) => {
            CliError::caused(ExitKind::Usage, err).hint("leave the query out of --url")
        }
        err => bad_base_url(base, err),
    }
}

/// The error that a base URL cannot be used.
pub(crate) fn bad_base_url(base: &str, err: &dyn std::error::Error) -> CliError {
    CliError::new(ExitKind::Usage, format!("{err}: {base:?}"))
        .hint("give it with --url or OWT_URL, as http://127.0.0.1:9876")
}

fn write(envelope: &Envelope, format: Format, base: &str) -> Result<String, OwtifyError> {
    Ok(match format {
        Format::Url => envelope.to_url(base)?,
        Format::Query => envelope.to_query(),
        Format::Json => envelope.to_json(),
        Format::Curl => curl(&base::absolute(base)?, &envelope.to_json()),
        Format::Fetch => fetch(&base::absolute(base)?, &envelope.to_json()),
    })
}

/// A command for a shell. It sends a POST, because a long program does not fit into a URL.
fn curl(url: &str, json: &str) -> String {
    let (url, json) = (shell_quoted(url), shell_quoted(json));
    format!("curl {url} --header 'Content-Type: application/json' --data {json}")
}

/// Text that every POSIX shell takes as one word, just as it stands.
fn shell_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn fetch(url: &str, json: &str) -> String {
    let options = serde_json::json!({
        "method": "POST",
        "headers": { "Content-Type": "application/json" },
        "body": json,
    });
    format!("fetch({}, {options})", serde_json::Value::from(url))
}
