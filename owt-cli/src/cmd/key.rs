//! `owt key`: a new key for signed URLs, in the file of `--url-key`.

use std::fs::{self, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use owt_core::{UrlKeys, codec};
use tempfile::NamedTempFile;

use crate::ui::{CliError, ExitKind};

/// As many bytes as the signature has.
const KEY_BYTES: usize = 32;

#[derive(Debug, Args)]
pub(crate) struct KeyArgs {
    /// The file; it is made, for nobody else to read, if it is not there
    file: PathBuf,
}

pub(crate) fn run(args: &KeyArgs) -> Result<ExitCode, CliError> {
    let older = older_keys(&args.file)?;
    write(&args.file, &format!("{}\n{older}", new_key()?)).map_err(|err| {
        CliError::new(ExitKind::File, format!("cannot write {:?}: {err}", args.file))
    })?;
    Ok(ExitCode::SUCCESS)
}

/// What the file holds, which has to be keys: another file is not touched.
fn older_keys(file: &Path) -> Result<String, CliError> {
    let refused = |problem: String| {
        CliError::new(ExitKind::File, format!("cannot add a key to {file:?}: {problem}"))
    };
    let text = match fs::read_to_string(file) {
        Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(String::new()),
        read => read.map_err(|err| refused(err.to_string()))?,
    };
    let is_empty = text.trim().is_empty();
    match text.parse::<UrlKeys>() {
        Err(err) if !is_empty => Err(refused(err.to_string())),
        _ => Ok(text),
    }
}

fn new_key() -> Result<String, CliError> {
    let mut bytes = [0; KEY_BYTES];
    getrandom::fill(&mut bytes).map_err(|err| {
        CliError::new(ExitKind::File, format!("the system gives no random bytes: {err}"))
    })?;
    Ok(codec::encode_url(&bytes))
}

/// Puts a file in the place of another one, so that a server never reads half of it.
fn write(file: &Path, text: &str) -> io::Result<()> {
    let file = fs::canonicalize(file).unwrap_or_else(|_| file.to_path_buf());
    let folder = file.parent().filter(|folder| *folder != Path::new(""));
    // Only its owner can read it.
    let mut next = NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
    next.write_all(text.as_bytes())?;
    if let Ok(metadata) = file.metadata() {
        chown(next.path(), Some(metadata.uid()), Some(metadata.gid()))?;
        let mode = metadata.permissions().mode() & 0o660;
        next.as_file().set_permissions(Permissions::from_mode(mode))?;
    }
    next.persist(file)?;
    Ok(())
}
