//! How a part of the tests ended: shown in a few lines if all is well, and in full otherwise.
#![expect(clippy::print_stdout, reason = "the result is what the chore is run for")]

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result};
use xshell::Shell;

use super::part::Part;
use crate::workspace;

/// This program, also once a build has put another one where it was.
const ITSELF: &str = "/proc/self/exe";

/// What would have a runner write colour into a file.
const COLOUR: &[&str] = &["FORCE_COLOR", "CLICOLOR_FORCE", "PY_COLORS"];

/// How a part ended.
pub(super) struct PartResult {
    pub(super) is_good: bool,
    counts: Counts,
    /// Whether it may be that none of its tests can run here.
    may_be_empty: bool,
}

/// How many tests passed and failed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Counts {
    passed: usize,
    failed: usize,
}

/// Says which part comes, at once and without ending the line.
pub(super) fn announce(number: usize, all: usize, part: Part) {
    print!("part {number} of {all}: {} … ", part.name());
    // Who does not read it does not get it.
    let _ = io::stdout().flush();
}

/// Runs a part in a process of its own, and prints how it ended.
pub(super) fn of(sh: &Shell, part: Part) -> Result<PartResult> {
    let path = log_of(part)?;
    let begun = Instant::now();
    let is_good = runs_well(sh, part, &path)?;
    let seconds = begun.elapsed().as_secs();
    let log = String::from_utf8_lossy(&fs::read(&path)?).into_owned();
    let closing = closing_lines(&log);
    if is_good {
        println!("passed in {seconds} s");
        closing.iter().for_each(|line| println!("{line}"));
    } else {
        println!("failed in {seconds} s\n\n{log}\npart {} failed: {}", part.name(), path.display());
    }
    let may_be_empty = part == Part::Versions;
    Ok(PartResult { is_good, counts: counted(&closing), may_be_empty })
}

/// Prints how many tests passed and failed, unless a part broke off before it could say that.
pub(super) fn print_total(results: &[PartResult]) {
    let total = results.iter().fold(Counts::default(), |total, PartResult { counts, .. }| Counts {
        passed: total.passed + counts.passed,
        failed: total.failed + counts.failed,
    });
    if results.iter().all(PartResult::has_told) {
        println!("\n{} passed, {} failed", total.passed, total.failed);
    }
}

impl PartResult {
    fn has_told(&self) -> bool {
        if self.is_good {
            self.counts.passed > 0 || self.may_be_empty
        } else {
            self.counts.failed > 0
        }
    }
}

fn log_of(part: Part) -> Result<PathBuf> {
    let folder = workspace::target()?.join("test");
    fs::create_dir_all(&folder)?;
    Ok(folder.join(part.name()).with_extension("log"))
}

fn runs_well(sh: &Shell, part: Part, log: &PathBuf) -> Result<bool> {
    let log = File::create(log)?;
    let mut itself = Command::new(ITSELF);
    itself.args(["test", part.name(), "--verbose", "--no-install"]).current_dir(sh.current_dir());
    itself.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    for name in COLOUR {
        itself.env_remove(name);
    }
    Ok(itself.status().context("cannot run this program again")?.success())
}

/// The lines with which the runners of tests say how many passed, those of Cargo, Node and pytest; and
/// ours, which say with which Python that was.
fn closing_lines(log: &str) -> Vec<&str> {
    let starts = ["test result: ", "Python 3."];
    let is_closing = |line: &&str| {
        starts.iter().any(|start| line.starts_with(start)) || is_of_node(line) || is_of_pytest(line)
    };
    log.lines().filter(is_closing).collect()
}

fn is_of_pytest(line: &str) -> bool {
    let says_how_many = [" passed", " failed", " error"].iter().any(|word| line.contains(word));
    line.starts_with("===") && line.ends_with("===") && line.contains(" in ") && says_how_many
}

fn is_of_node(line: &str) -> bool {
    let rest = line.strip_prefix("ℹ ").or_else(|| line.strip_prefix("# "));
    let mut words = rest.unwrap_or_default().split(' ');
    let word = words.next().unwrap_or_default();
    let number = words.next().and_then(|number| number.parse::<usize>().ok());
    ["tests", "pass", "fail", "cancelled"].contains(&word)
        && number.is_some()
        && words.next().is_none()
}

/// Adds up what closing lines say.
fn counted(lines: &[&str]) -> Counts {
    let mut counts = Counts::default();
    for line in lines {
        let words: Vec<&str> = line.split(|char: char| !char.is_alphanumeric()).collect();
        for pair in words.windows(2) {
            counts.add(pair[0], pair[1]);
        }
    }
    counts
}

impl Counts {
    fn add(&mut self, one: &str, next: &str) {
        match (one, next) {
            (number, "passed") | ("pass", number) => self.passed += number.parse().unwrap_or(0),
            (number, "failed" | "error" | "errors") | ("fail" | "cancelled", number) => {
                self.failed += number.parse().unwrap_or(0);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_are_found_and_added_up() {
        for (log, lines, passed, failed) in [
            (
                "running 2 tests\ntest a ... ok\n\ntest result: ok. 2 passed; 0 failed; 1 ignored; 0 measured\n\
                 test result: FAILED. 3 passed; 1 failed; 0 ignored\n",
                2,
                5,
                1,
            ),
            ("=== test session starts ===\nsomething passed\n=== 7 passed in 1.2s ===\n", 1, 7, 0),
            (
                "=== 7 passed in 1.2s ===\nPython 3.12: 2 s\n=== 6 passed in 1.2s ===\nPython 3.13: 2 s\n",
                4,
                13,
                0,
            ),
            ("Python 3.13 is not installed: 302 tests were not run with it\n", 1, 0, 0),
            ("=== 1 failed, 7 passed, 1 skipped, 2 errors in 61.20s (0:01:01) ===\n", 1, 7, 3),
            ("✔ a test (1ms)\nℹ tests 9\nℹ suites 1\nℹ pass 7\nℹ fail 1\nℹ cancelled 1\n", 4, 7, 2),
            ("# tests 9\n# a test of 3 things\n# pass 9\n# fail 0\n", 3, 9, 0),
            ("error: could not compile `owt-core`\n", 0, 0, 0),
        ] {
            let closing = closing_lines(log);
            assert_eq!(closing.len(), lines, "{log}");
            assert_eq!(counted(&closing), Counts { passed, failed }, "{log}");
        }
    }

    #[test]
    fn a_part_that_broke_off_has_told_nothing() {
        let result = |is_good, passed, failed| PartResult {
            is_good,
            counts: Counts { passed, failed },
            may_be_empty: false,
        };
        assert!(result(true, 3, 0).has_told());
        assert!(result(false, 3, 1).has_told());
        assert!(!result(false, 3, 0).has_told());
        assert!(!result(true, 0, 0).has_told());
    }
}
