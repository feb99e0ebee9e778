//! Where the program's data goes: standard output, or the file that `--output` names.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::path::Path;

use crate::ui::{CliError, Failure};

/// Opens a file, or standard output where none is named.
pub(crate) fn open(path: Option<&Path>) -> Result<Output, CliError> {
    let Some(path) = path else {
        let stdout = io::stdout().lock();
        let is_terminal = stdout.is_terminal();
        return Ok(Output { to: Box::new(stdout), is_shared: true, is_terminal, last: b'\n' });
    };
    let file = File::create(path).map_err(|err| {
        CliError::new(Failure::File, format!("cannot write {}: {err}", path.display()))
    })?;
    Ok(Output { to: Box::new(file), is_shared: false, is_terminal: false, last: b'\n' })
}

/// What data is written to.
pub(crate) struct Output {
    to: Box<dyn Write>,
    /// Whether the program's words may come out beside the data.
    is_shared: bool,
    is_terminal: bool,
    last: u8,
}

impl Output {
    /// Whether words that come next would go on in a line of the data. On a terminal they never do.
    pub(crate) fn is_mid_line(&self) -> bool {
        self.is_shared && !self.is_terminal && self.last != b'\n'
    }
}

impl Write for Output {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let written = self.to.write(data)?;
        self.last = data[..written].last().copied().unwrap_or(self.last);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

impl Drop for Output {
    /// Ends the last line on a terminal, so that the prompt is on one of its own.
    fn drop(&mut self) {
        if self.is_terminal && self.last != b'\n' {
            let _ = self.to.write_all(b"\n");
        }
    }
}
