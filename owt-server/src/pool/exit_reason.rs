//! Why a worker process ended, for counters, the log and the callers whose calls it ran.

use std::borrow::Cow;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

use owt_core::Error;

/// Why a worker process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ExitReason {
    /// A signal ended it.
    #[error("signal {0}")]
    Signal(i32),
    /// It ended itself, with this exit code.
    #[error("exit code {0}")]
    Exit(i32),
    /// SIGKILL ended it, and not because memory had run out.
    #[error("signal 9")]
    Killed,
    /// The system ended it because memory had run out.
    #[error("{0}out of memory")]
    OutOfMemory(Certainty),
    /// It was killed, because a call in it could not be stopped.
    #[error("a call could not be stopped")]
    Stuck,
    /// It was killed, because it had more memory than a worker may have.
    #[error("more than {limit} bytes of memory")]
    Memory {
        /// The most bytes that a worker may have.
        limit: u64,
    },
    /// It had been replaced, and its remaining calls did not end in time.
    #[error("replaced")]
    Recycled,
    /// It is gone, and how it ended is not known.
    #[error("connection lost")]
    Lost,
}

/// Whether a cause is known, or only likely.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Certainty {
    /// There is no doubt.
    #[error("")]
    Known,
    /// There may be other causes.
    #[error("probably ")]
    Likely,
}

impl ExitReason {
    /// Whether there was not enough memory.
    pub(super) fn is_of_memory(self) -> bool {
        matches!(self, ExitReason::OutOfMemory(_) | ExitReason::Memory { .. })
    }

    /// How the worker ended and what usually causes that, as the end of a sentence that begins with
    /// the worker.
    fn describe(self) -> Cow<'static, str> {
        match self {
            ExitReason::Signal(number) => signal(number).into(),
            ExitReason::Exit(code) => format!("ended itself with exit code {code}").into(),
            ExitReason::Killed => {
                "was ended by SIGKILL. Memory had not run out: somebody or something on the server's \
                 machine has killed it"
                    .into()
            }
            ExitReason::OutOfMemory(certainty) => {
                format!("was ended by the system, {certainty}because memory ran out").into()
            }
            ExitReason::Stuck => "was ended because another call in it could not be stopped".into(),
            ExitReason::Memory { limit } => format!(
                "was ended because it had more than the {} MB of memory that a worker may have \
                 (--worker-kill-rss)",
                limit >> 20
            )
            .into(),
            ExitReason::Recycled => "had been replaced before, and the call did not end in the time that \
                was left for it (--worker-drain)"
                .into(),
            ExitReason::Lost => "is gone, and nothing is known of how it ended".into(),
        }
    }
}

impl From<ExitReason> for Error {
    fn from(reason: ExitReason) -> Error {
        Error::WorkerDied { reason: reason.to_string(), how: reason.describe().into_owned() }
    }
}

/// The last signal that has a name (signal(7)).
const LAST_SIGNAL: i32 = 31;

/// The name of a signal. Systems number them differently: SIGBUS is 7 on Linux and 10 on macOS.
fn name(number: i32) -> Option<String> {
    let known = (1..=LAST_SIGNAL).contains(&number).then_some(number)?;
    // The standard library has the names of this system: `signal: 9 (SIGKILL)`.
    let status = ExitStatus::from_raw(known).to_string();
    Some(status.split_once('(')?.1.strip_suffix(')')?.to_owned())
}

fn signal(number: i32) -> String {
    let Some(name) = name(number) else { return format!("was ended by signal {number}") };
    let cause = match &*name {
        "SIGILL" => ", usually because a library was built for another processor",
        "SIGABRT" => {
            ", usually because a native library gave up, or recursion has used up the stack"
        }
        "SIGBUS" => {
            ", usually because a file became shorter while it was read as memory, or shared \
            memory ran out"
        }
        "SIGFPE" => ", usually because a native library divided by zero",
        "SIGKILL" => ", usually because memory ran out",
        "SIGSEGV" => {
            ", usually because of a fault in a native library, or recursion has used up the stack"
        }
        "SIGTERM" => ", usually because somebody stopped it",
        "SIGXCPU" => ", because it had used as much processor time as it may",
        "SIGXFSZ" => ", because it wrote a file larger than it may",
        "SIGSYS" => ", because it made a system call that is not allowed here",
        _ => "",
    };
    format!("was ended by {name}{cause}")
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(1, "was ended by SIGHUP")]
    #[case(
        7,
        "was ended by SIGBUS, usually because a file became shorter while it was read as memory, or shared memory ran out"
    )]
    #[case(16, "was ended by SIGSTKFLT")]
    #[case(29, "was ended by SIGIO")]
    #[case(30, "was ended by SIGPWR")]
    #[case(15, "was ended by SIGTERM, usually because somebody stopped it")]
    #[case(31, "was ended by SIGSYS, because it made a system call that is not allowed here")]
    #[case(0, "was ended by signal 0")]
    #[case(32, "was ended by signal 32")]
    #[case(i32::MIN, "was ended by signal -2147483648")]
    fn signals_have_names(#[case] number: i32, #[case] words: &str) {
        assert_eq!(ExitReason::Signal(number).describe(), words);
    }

    #[rstest]
    #[case(ExitReason::Exit(1), "ended itself with exit code 1")]
    #[case(ExitReason::Signal(9), "was ended by SIGKILL, usually because memory ran out")]
    #[case(
        ExitReason::Killed,
        "was ended by SIGKILL. Memory had not run out: somebody or something on the server's machine has killed it"
    )]
    #[case(
        ExitReason::OutOfMemory(Certainty::Known),
        "was ended by the system, because memory ran out"
    )]
    #[case(
        ExitReason::OutOfMemory(Certainty::Likely),
        "was ended by the system, probably because memory ran out"
    )]
    #[case(ExitReason::Stuck, "was ended because another call in it could not be stopped")]
    #[case(
        ExitReason::Memory { limit: 3 << 30 },
        "was ended because it had more than the 3072 MB of memory that a worker may have (--worker-kill-rss)"
    )]
    #[case(
        ExitReason::Recycled,
        "had been replaced before, and the call did not end in the time that was left for it (--worker-drain)"
    )]
    #[case(ExitReason::Lost, "is gone, and nothing is known of how it ended")]
    fn callers_are_told_how_the_worker_ended(#[case] reason: ExitReason, #[case] words: &str) {
        let sentence = Error::from(reason).sentence();
        let how = sentence.strip_prefix("The worker that ran this call ");
        let next = ". A new one takes its place, so the call can be tried again.";
        assert_eq!(how.and_then(|how| how.strip_suffix(next)), Some(words));
    }
}
