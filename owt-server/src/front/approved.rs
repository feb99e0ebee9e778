//! Approved code only: the digests that a file lists, and which functions of each may be called.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use owt_core::envelope::DEFAULT_FN_NAME;
use owt_core::{Digest, Error};

use crate::watched_file::{FileError, WatchedFile};

/// Code that may run, as lines `DIGEST [FUNCTION…] [# comment]` say it.
///
/// A line without functions approves `run` alone: what a module imports by name, such as
/// `subprocess.check_output`, is a function of it as well.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct ApprovedCode(HashMap<Digest, HashSet<String>>);

impl ApprovedCode {
    /// Reads such lines.
    ///
    /// # Errors
    /// What is wrong with which line.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut approved = Self::default();
        for (index, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default();
            let mut words = line.split_whitespace().map(str::to_owned).peekable();
            let Some(digest) = words.next() else { continue };
            let digest = digest.parse().map_err(|err| format!("line {}: {err}", index + 1))?;
            let default = words.peek().is_none().then(|| DEFAULT_FN_NAME.to_owned());
            approved.0.entry(digest).or_default().extend(words.chain(default));
        }
        Ok(approved)
    }

    /// Whether this function of this code may be called.
    #[must_use]
    pub fn has(&self, digest: Digest, function: &str) -> bool {
        self.check(digest, function).is_ok()
    }

    fn check(&self, digest: Digest, function: &str) -> Result<(), Error> {
        match self.0.get(&digest) {
            None => Err(Error::CodeNotApproved(digest)),
            Some(functions) if functions.contains(function) => Ok(()),
            Some(_) => Err(Error::FunctionNotApproved(function.to_owned())),
        }
    }
}

/// The file that lists approved code.
#[derive(Debug)]
pub(crate) struct Approval(WatchedFile<ApprovedCode>);

impl Approval {
    pub(crate) fn open(path: PathBuf) -> Result<Self, FileError> {
        WatchedFile::open(path, ApprovedCode::parse).map(Self)
    }

    /// Refuses what is not approved, or is no longer.
    pub(super) async fn check(&self, digest: Digest, function: &str) -> Result<(), Error> {
        self.0.check(|approved| approved.check(digest, function)).await
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::alone("DIGEST", "run", Ok(()))]
    #[case::comment("  DIGEST# words.py\r\n", "run", Ok(()))]
    #[case::others_of_it("DIGEST", "check_output", Err("function"))]
    #[case::listed("DIGEST go stop # words.py", "stop", Ok(()))]
    #[case::not_listed("DIGEST go stop", "run", Err("function"))]
    #[case::in_two_lines("DIGEST go\nDIGEST", "run", Ok(()))]
    #[case::none("# DIGEST\n\n", "run", Err("code"))]
    fn a_line_approves_some_functions(
        #[case] text: &str,
        #[case] function: &str,
        #[case] expected: Result<(), &str>,
    ) {
        let digest = Digest::of("code");
        let approved = ApprovedCode::parse(&text.replace("DIGEST", &digest.to_string())).unwrap();
        let outcome = approved.check(digest, function).map_err(|err| match err {
            Error::CodeNotApproved(_) => "code",
            Error::FunctionNotApproved(_) => "function",
            _ => "another",
        });
        assert_eq!(outcome, expected);
        assert_eq!(approved.has(digest, function), expected.is_ok());
        assert!(!approved.has(Digest::of("other"), "run"));
    }

    #[test]
    fn a_line_that_is_no_digest_is_named() {
        let err = ApprovedCode::parse("# approved\nwords.py").unwrap_err();
        assert_eq!(err, "line 2: a digest is 64 hexadecimal digits");
    }
}
