//! Where the program's data goes: standard output, or the file that `--output` names.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use crate::ui::{CliError, Failure};

/// Opens a file, or standard output where none is named.
pub(crate) fn open(path: Option<&Path>) -> Result<Box<dyn Write>, CliError> {
    let Some(path) = path else { return Ok(Box::new(io::stdout().lock())) };
    let file = File::create(path).map_err(|err| {
        CliError::new(Failure::File, format!("cannot write {}: {err}", path.display()))
    })?;
    Ok(Box::new(file))
}
