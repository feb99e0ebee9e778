//! What the program reads: files and standard input, by the names that people give them.

use std::fs;
use std::io::{self, Read};

use crate::ui::{CliError, ExitKind};

/// Files by their paths, and standard input, which is `-` and can be read once.
#[derive(Debug, Default)]
pub(crate) struct Input {
    is_stdin_read: bool,
}

impl Input {
    pub(crate) fn bytes(&mut self, path: &str) -> io::Result<Vec<u8>> {
        if path != "-" {
            return fs::read(path);
        }
        if std::mem::replace(&mut self.is_stdin_read, true) {
            return Err(io::Error::other("standard input can be read only once"));
        }
        let mut bytes = Vec::new();
        io::stdin().read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    pub(crate) fn text(&mut self, path: &str) -> io::Result<String> {
        String::from_utf8(self.bytes(path)?)
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8"))
    }

    /// The value of `--data`: `@path` stands for the content of a file.
    pub(crate) fn data(&mut self, data: &str) -> Result<Vec<u8>, CliError> {
        match data.strip_prefix('@') {
            None => Ok(data.as_bytes().to_vec()),
            Some(path) => self.bytes(path).map_err(|err| cannot_read(path, &err)),
        }
    }
}

/// The error that a file cannot be read.
pub(crate) fn cannot_read(path: &str, err: &io::Error) -> CliError {
    CliError::new(ExitKind::File, format!("cannot read {path:?}: {err}"))
}
