//! `owt encode`: a call in a form that other programs can send.

use std::process::ExitCode;

use owt_core::owtify::MAX_URL;
use owt_core::{BaseInvalid, Envelope, base};

use crate::cli::{EncodeArgs, Format};
use crate::input::Input;
use crate::ui::{self, CliError, Failure};

pub(crate) fn run(args: EncodeArgs) -> Result<ExitCode, CliError> {
    let envelope = args.fields.apply(args.adaptor.envelope(&mut Input::default())?);
    let text = write(&envelope, args.format, &args.url);
    let text = text.map_err(|err| bad_base(&args.url, &err))?;
    if args.format == Format::Url && text.len() > MAX_URL {
        ui::warn(&format!(
            "the server takes no URL of more than {MAX_URL} bytes; send this with --format curl"
        ));
    }
    ui::print(&text)
}

/// The error of a base URL that cannot be used.
pub(crate) fn bad_base(base: &str, err: &dyn std::error::Error) -> CliError {
    CliError::new(Failure::Usage, format!("{err}: {base:?}"))
        .hint("give it with --url or OWT_URL, as http://127.0.0.1:9876")
}

fn write(envelope: &Envelope, format: Format, base: &str) -> Result<String, BaseInvalid> {
    Ok(match format {
        Format::Url => envelope.to_url(base)?,
        Format::Query => envelope.to_query(),
        Format::Json => envelope.to_json(),
        Format::Curl => curl(&base::absolute(base)?, &envelope.to_json()),
        Format::Fetch => fetch(&base::absolute(base)?, &envelope.to_json()),
    })
}

/// A command for a shell. It posts, because a long program is too much for a URL.
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
