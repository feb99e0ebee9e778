//! Why a worker process does not start: one sentence each, which names the Python.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

/// How long a worker may take to be ready.
pub(super) const START_TIMEOUT: Duration = Duration::from_secs(60);

/// Why a worker did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Its sockets could not be made.
    #[error("cannot start a worker process: {0}")]
    Io(#[from] io::Error),
    /// The package `owt` cannot be written to disk.
    #[error("the package owt cannot be written: {0}")]
    Package(#[source] io::Error),
    /// The interpreter cannot be executed.
    #[error("{python} cannot be executed: {cause}")]
    NotExecuted {
        /// The interpreter.
        python: PathBuf,
        /// The system's reason.
        #[source]
        cause: io::Error,
    },
    /// The package `owt` did not start in it.
    #[error("{python} cannot load owt's own package: {why}")]
    NotLoaded {
        /// The interpreter.
        python: PathBuf,
        /// The exception, and where it was raised.
        why: String,
    },
    /// The process exited before it was ready.
    #[error("{python} ended while it was starting ({status}){}", after_words(.last_line.as_deref()))]
    Ended {
        /// The interpreter.
        python: PathBuf,
        /// How it ended.
        status: ExitStatus,
        /// The last line that it has printed, unless that says nothing.
        last_line: Option<String>,
    },
    /// The process was not ready in time.
    #[error("{python} is not ready after {} s{}", START_TIMEOUT.as_secs(), after_words(.last_line.as_deref()))]
    Slow {
        /// The interpreter.
        python: PathBuf,
        /// The last line that it has printed, unless that says nothing.
        last_line: Option<String>,
    },
}

fn after_words(last_line: Option<&str>) -> String {
    last_line.map_or_else(|| " and has printed nothing".to_owned(), |line| format!(": {line}"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(
        Some("SystemExit: no"),
        "/python ended while it was starting (exit status: 1): SystemExit: no"
    )]
    #[case(None, "/python ended while it was starting (exit status: 1) and has printed nothing")]
    fn a_python_that_ends_is_named_with_its_last_line(
        #[case] last_line: Option<&str>,
        #[case] expected: &str,
    ) {
        let err = StartError::Ended {
            python: "/python".into(),
            status: ExitStatus::from_raw(1 << 8),
            last_line: last_line.map(str::to_owned),
        };
        assert_eq!(err.to_string(), expected);
    }
}
