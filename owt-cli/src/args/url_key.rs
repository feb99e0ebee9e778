//! The keys of signed URLs.

use std::env;
use std::path::PathBuf;

use clap::Args;
use owt_core::UrlKeys;
use owt_server::{UrlKeyFileError, UrlKeySource, read_url_keys};

use crate::ui::{CliError, ExitKind};

/// The variable that has the keys themselves.
const VARIABLE: &str = "OWT_URL_KEY";

#[derive(Debug, Args)]
pub(crate) struct UrlKeyArgs {
    /// A file with the keys of signed URLs, as `owt key` makes it; OWT_URL_KEY has keys themselves
    ///
    /// The first key signs, and every key is valid. The file is read again when it changes.
    #[arg(long, value_name = "FILE", help_heading = "Access")]
    url_key: Option<PathBuf>,
}

impl UrlKeyArgs {
    /// Where the keys are, if there are any.
    pub(crate) fn source(self) -> Result<Option<UrlKeySource>, CliError> {
        if let Some(file) = self.url_key {
            return Ok(Some(UrlKeySource::File(file)));
        }
        let text = env::var(VARIABLE).unwrap_or_default();
        if text.is_empty() {
            return Ok(None);
        }
        let keys = text.parse().map_err(|err| {
            CliError::new(ExitKind::Usage, format!("cannot use {VARIABLE}: {err}"))
                .hint("it has the text of a file that owt key makes")
        })?;
        Ok(Some(UrlKeySource::Keys(keys)))
    }

    /// The keys.
    pub(crate) fn keys(self) -> Result<UrlKeys, CliError> {
        match self.source()? {
            Some(UrlKeySource::Keys(keys)) => Ok(keys),
            Some(UrlKeySource::File(file)) => {
                read_url_keys(&file).map_err(|err| bad_url_keys(ExitKind::File, &err))
            }
            None => Err(CliError::new(ExitKind::Usage, "there is no key to sign with")
                .hint("make one with owt key url.key, and give it with --url-key url.key")),
        }
    }
}

/// The error that a file of keys cannot be used.
pub(crate) fn bad_url_keys(kind: ExitKind, err: &UrlKeyFileError) -> CliError {
    CliError::new(kind, err.to_string()).hint(match err {
        UrlKeyFileError::Exposed(file) => format!("chmod 600 {}", file.display()),
        _ => "make such a file with owt key FILE".to_owned(),
    })
}
