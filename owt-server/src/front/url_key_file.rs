//! The file that holds the keys of signed URLs.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use owt_core::{UrlKeyInvalid, UrlKeys};

/// The permissions by which everybody on a machine can read or change a file.
const EVERYBODY: u32 = 0o006;

/// A file of keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum UrlKeyFileError {
    /// It cannot be read.
    #[error("cannot read the keys of signed URLs in {path}: {cause}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        cause: io::Error,
    },
    /// Other users can read it.
    #[error("everybody on this machine can read the keys of signed URLs in {}", .0.display())]
    Exposed(PathBuf),
    /// It does not hold keys.
    #[error("cannot use the keys of signed URLs in {path}: {cause}", path = path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        cause: UrlKeyInvalid,
    },
}

/// Reads the keys of a file.
///
/// # Errors
/// If it cannot be read, is everybody's to read, or does not hold keys.
pub fn read(path: &Path) -> Result<UrlKeys, UrlKeyFileError> {
    let owned = || path.to_path_buf();
    let (mode, text) =
        contents(path).map_err(|cause| UrlKeyFileError::Read { path: owned(), cause })?;
    if mode & EVERYBODY != 0 {
        return Err(UrlKeyFileError::Exposed(owned()));
    }
    text.parse().map_err(|cause| UrlKeyFileError::Invalid { path: owned(), cause })
}

fn contents(path: &Path) -> io::Result<(u32, String)> {
    let mut file = File::open(path)?;
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    Ok((file.metadata()?.mode(), text))
}
