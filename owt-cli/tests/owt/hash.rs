//! `owt hash`: a user and the digest of a password.

use rstest::rstest;

use crate::program::{Outcome, outcome, owt};

#[rstest]
#[case::line("hunter2\n")]
#[case::line_of_windows("hunter2\r\n")]
#[case::no_line_break("hunter2")]
#[case::more_lines("hunter2\nand so on\n")]
fn one_line_is_the_password(#[case] stdin: &str) {
    let digest = owt_core::Digest::of("hunter2");
    let mut command = owt(&["hash", "me"]);
    assert_eq!(outcome(command.write_stdin(stdin)), Outcome::data(format!("me:{digest}\n")));
}

#[rstest]
#[case("")]
#[case("a:b")]
#[case("a,b")]
fn a_name_that_auth_cannot_hold_is_refused(#[case] user: &str) {
    let words = format!(
        "owt: error: a user's name cannot be {user:?}\n\nhint: leave out colons and commas\n"
    );
    let mut command = owt(&["hash", user]);
    assert_eq!(outcome(command.write_stdin("hunter2\n")), Outcome::failure(2, words));
}

#[test]
fn an_empty_password_is_refused() {
    let words = "owt: error: the password is empty\n";
    let mut command = owt(&["hash", "me"]);
    assert_eq!(outcome(command.write_stdin("\n")), Outcome::failure(2, words));
}
