//! Hints for command lines that resemble one that works.

use clap::error::{ContextKind, ContextValue};

/// Which command line was probably meant instead of the invalid one.
pub(super) fn instead_of(err: &clap::Error) -> Option<String> {
    let text = |kind| match err.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    if let Some(file) = text(ContextKind::InvalidSubcommand).filter(|word| word.ends_with(".py")) {
        return Some(format!("did you mean: owt call {file}"));
    }
    let option = text(ContextKind::InvalidArg)?;
    let usage = err.get(ContextKind::Usage)?.to_string();
    let is_client = ["owt call", "owt encode"].iter().any(|command| usage.contains(command));
    (is_client && ["--port", "--host", "--bind", "--address"].contains(&option))
        .then(|| "name the server by its URL: --url http://localhost:9876".to_owned())
}
