//! Where the program's data goes: standard output, or the file that `--output` names.

use std::fs::File;
use std::io::{self, IsTerminal, StdoutLock, Write};
use std::path::Path;

use crate::ui::{CliError, Failure};

/// Opens a file, or standard output where none is named.
pub(crate) fn open(path: Option<&Path>) -> Result<Box<dyn Write>, CliError> {
    let Some(path) = path else {
        let stdout = io::stdout().lock();
        return Ok(match stdout.is_terminal() {
            true => Box::new(Screen { stdout, last: b'\n' }),
            false => Box::new(stdout),
        });
    };
    let file = File::create(path).map_err(|err| {
        CliError::new(Failure::File, format!("cannot write {}: {err}", path.display()))
    })?;
    Ok(Box::new(file))
}

/// A terminal: data that does not end its last line is no reason to leave the prompt in it.
struct Screen {
    stdout: StdoutLock<'static>,
    last: u8,
}

impl Write for Screen {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let written = self.stdout.write(data)?;
        self.last = data[..written].last().copied().unwrap_or(self.last);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stdout.flush()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        if self.last != b'\n' {
            let _ = self.stdout.write_all(b"\n");
        }
    }
}
