//! Where the output goes: standard output, or the file that `--output` names.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::path::Path;

use crate::ui::{CliError, ExitKind};

/// Opens a file, or standard output where none is named.
pub(crate) fn open(path: Option<&Path>) -> Result<Output, CliError> {
    let Some(path) = path else {
        let stdout = io::stdout().lock();
        let is_terminal = stdout.is_terminal();
        return Ok(Output { to: Box::new(stdout), is_stdout: true, is_terminal, last_byte: b'\n' });
    };
    let file = File::create(path).map_err(|err| {
        CliError::new(ExitKind::File, format!("cannot write {}: {err}", path.display()))
    })?;
    Ok(Output { to: Box::new(file), is_stdout: false, is_terminal: false, last_byte: b'\n' })
}

/// Standard output or a file, and how its last line stands.
pub(crate) struct Output {
    to: Box<dyn Write>,
    /// Standard output may be the same terminal or file as standard error, where messages go.
    is_stdout: bool,
    is_terminal: bool,
    last_byte: u8,
}

impl Output {
    /// Whether a message would continue the last line of the output. On a terminal, `drop` ends that line.
    pub(crate) fn is_mid_line(&self) -> bool {
        self.is_stdout && !self.is_terminal && self.last_byte != b'\n'
    }
}

impl Write for Output {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let written = self.to.write(data)?;
        self.last_byte = data[..written].last().copied().unwrap_or(self.last_byte);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

impl Drop for Output {
    /// Ends the last line on a terminal, so that the prompt is on a line of its own.
    fn drop(&mut self) {
        if self.is_terminal && self.last_byte != b'\n' {
            let _ = self.to.write_all(b"\n");
        }
    }
}
