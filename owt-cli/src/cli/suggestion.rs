//! Suggestions for command lines that resemble a valid one.

use clap::error::{ContextKind, ContextValue};

/// What was probably meant instead of an invalid command line.
pub(super) fn for_error(err: &clap::Error) -> Option<String> {
    let text = |kind| match err.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    if let Some(file) = text(ContextKind::InvalidSubcommand).filter(|name| name.ends_with(".py")) {
        return Some(format!("did you mean: owt call {file}"));
    }
    let option = text(ContextKind::InvalidArg)?;
    let usage = err.get(ContextKind::Usage)?.to_string();
    let is_client = ["owt call", "owt encode"].iter().any(|command| usage.contains(command));
    (is_client && ["--port", "--host", "--bind", "--address"].contains(&option))
        .then(|| "name the server by its URL: --url http://localhost:9876".to_owned())
}
