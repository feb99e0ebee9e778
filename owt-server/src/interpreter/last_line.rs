//! The line in which a Python that does not start says why, among all that it prints.

use parking_lot::Mutex;

/// Longer lines are cut: they become part of a sentence.
const MAX_CHARS: usize = 300;

/// What CPython prints below the reason that it gives.
const EPILOGUES: [&str; 5] =
    ["Current thread ", "Thread 0x", "Python runtime state:", "Extension modules:", "Aborted"];

/// The last line so far that says something.
#[derive(Debug, Default)]
pub(crate) struct LastLine(Mutex<Option<String>>);

impl LastLine {
    pub(crate) fn note(&self, line: &str) {
        let line = line.trim_end();
        if says_something(line) {
            *self.0.lock() = Some(line.chars().take(MAX_CHARS).collect());
        }
    }

    pub(crate) fn get(&self) -> Option<String> {
        self.0.lock().clone()
    }
}

/// Frames of a traceback are indented.
fn says_something(line: &str) -> bool {
    let is_indented = line.starts_with([' ', '\t']);
    !line.is_empty() && !is_indented && !EPILOGUES.iter().any(|start| line.starts_with(start))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("", None)]
    #[case("\n  \n", None)]
    #[case("one\ntwo\n", Some("two"))]
    #[case(
        "Traceback (most recent call last):\n  File \"x.py\", line 1\n    1 / 0\n    ~~^~~\nZeroDivisionError: no\n",
        Some("ZeroDivisionError: no")
    )]
    #[case(
        "Fatal Python error: init_fs_encoding: failed\nPython runtime state: core initialized\n\
         ModuleNotFoundError: No module named 'encodings'\n\n\
         Current thread 0x00007f6d (most recent call first):\n  <no Python frame>\n",
        Some("ModuleNotFoundError: No module named 'encodings'")
    )]
    #[case(
        "Fatal Python error: Segmentation fault\n\nThread 0x00007f6d (most recent call first):\n  File \"x.py\"\n\
         \nCurrent thread 0x00007f6e (most recent call first):\n  File \"y.py\"\n\nExtension modules: numpy (total: 1)\n",
        Some("Fatal Python error: Segmentation fault")
    )]
    fn the_line_that_gives_the_reason_is_kept(
        #[case] output: &str,
        #[case] expected: Option<&str>,
    ) {
        let last = LastLine::default();
        output.lines().for_each(|line| last.note(line));
        assert_eq!(last.get().as_deref(), expected);
    }

    #[test]
    fn a_line_without_end_is_cut() {
        let last = LastLine::default();
        last.note(&"é".repeat(MAX_CHARS + 1));
        assert_eq!(last.get(), Some("é".repeat(MAX_CHARS)));
    }
}
