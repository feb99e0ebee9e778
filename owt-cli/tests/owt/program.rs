//! The built program, without the settings of whoever runs the tests.

use std::process::Output;

use assert_cmd::Command;

/// `owt` with these arguments.
pub(crate) fn owt(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_owt"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("OWT_")) {
        command.env_remove(name);
    }
    command.env_remove("HOME").args(args);
    command
}

/// What a program printed, and the code with which it ended.
#[derive(Debug, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    /// Success, with nothing but data printed.
    pub(crate) fn data(stdout: impl Into<String>) -> Outcome {
        Outcome { code: Some(0), stdout: stdout.into(), stderr: String::new() }
    }

    /// A failure, with nothing but words printed.
    pub(crate) fn failure(code: i32, stderr: impl Into<String>) -> Outcome {
        Outcome { code: Some(code), stdout: String::new(), stderr: stderr.into() }
    }
}

impl From<Output> for Outcome {
    fn from(output: Output) -> Outcome {
        let text = |bytes| String::from_utf8(bytes).expect("the program prints UTF-8");
        Outcome {
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}

/// Runs a program to its end.
pub(crate) fn outcome(command: &mut Command) -> Outcome {
    command.output().expect("the program starts").into()
}
