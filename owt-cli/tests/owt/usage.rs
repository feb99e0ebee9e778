//! The command line itself: help, mistakes and completions.

use rstest::rstest;

use crate::program::{Outcome, outcome, owt};

#[rstest]
#[case::command(&["cal"], "unrecognized subcommand 'cal'")]
#[case::option(&["encode", "a.py", "--nope"], "unexpected argument '--nope' found")]
#[case::option_of_serve(&["--nope"], "unexpected argument '--nope' found")]
#[case::header(
    &["call", "a.py", "-H", "Accept"],
    "invalid value 'Accept' for '--header <HEADER>': give a header as 'Name: value'"
)]
#[case::timeout(
    &["encode", "a.py", "--timeout", "0"],
    "invalid value '0' for '--timeout <SECONDS>': give a positive number of seconds, such as 30 or 2.5"
)]
#[case::size(
    &["serve", "--max-body", "much"],
    "invalid value 'much' for '--max-body <SIZE>': give a number of bytes, such as 512, 64K, 256M or 1G"
)]
#[case::workers(&["serve", "--workers", "0"], "invalid value '0' for '--workers <N>': 0 is not in 1..=")]
#[case::cache_key_without_cache(
    &["encode", "a.py", "--cache-key", "k"],
    "the following required arguments were not provided:\n  --use-cache"
)]
fn a_mistake_is_named(#[case] args: &[&str], #[case] words: &str) {
    let outcome = outcome(&mut owt(args));
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(2), ""));
    let expected = format!("owt: error: {words}");
    assert!(outcome.stderr.starts_with(&expected), "{}", outcome.stderr);
}

#[rstest]
#[case::file(&["iris.py", "name:Ada"], "did you mean: owt call iris.py")]
#[case::port(&["call", "a.py", "--port", "80"], "name the server by its URL: --url http://localhost:9876")]
#[case::host(&["encode", "a.py", "--host=h"], "name the server by its URL: --url http://localhost:9876")]
fn what_was_probably_meant_is_said(#[case] args: &[&str], #[case] hint: &str) {
    let outcome = outcome(&mut owt(args));
    assert_eq!(outcome.code, Some(2));
    assert!(outcome.stderr.ends_with(&format!("\n\nhint: {hint}\n")), "{}", outcome.stderr);
    assert!(!outcome.stderr.contains("tip:"), "{}", outcome.stderr);
}

#[test]
fn help_is_data_and_lists_the_exit_codes() {
    let outcome = outcome(&mut owt(&["--help"]));
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""));
    for words in ["Usage: owt [COMMAND] [OPTIONS]\n", "  3  the server cannot be reached"] {
        assert!(outcome.stdout.contains(words), "{}", outcome.stdout);
    }
    assert!(!outcome.stdout.contains("worker"), "{}", outcome.stdout);
}

#[test]
fn the_version_is_that_of_the_package() {
    let line = format!("owt {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(outcome(&mut owt(&["--version"])), Outcome::data(line));
}

#[rstest]
#[case("bash", "_owt()")]
#[case("zsh", "#compdef owt")]
#[case("fish", "complete -c owt")]
fn completions_are_printed(#[case] shell: &str, #[case] words: &str) {
    let outcome = outcome(&mut owt(&["completions", shell]));
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""));
    assert!(outcome.stdout.contains(words), "{}", outcome.stdout);
}
