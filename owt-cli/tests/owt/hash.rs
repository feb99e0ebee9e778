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

#[test]
fn argon2_makes_another_hash_each_time() {
    let hash = || {
        let mut command = owt(&["hash", "me", "--argon2"]);
        outcome(command.write_stdin("hunter2\n")).stdout
    };
    let (one, other) = (hash(), hash());
    assert!(one.starts_with("me:$argon2id$v=19$m=19456,t=2,p=1$"), "{one}");
    assert_ne!(one, other);
}

#[rstest]
#[case::token("a-token-of-thirty-two-characters\n", None)]
#[case::short(
    "secret\n",
    Some(
        "owt: error: the token cannot be used: it takes at least 20 letters, digits and marks, without spaces\n"
    )
)]
fn a_token_is_hashed_without_a_user(#[case] stdin: &str, #[case] words: Option<&str>) {
    let mut command = owt(&["hash", "--token"]);
    let expected = match words {
        None => Outcome::data(format!(":{}\n", owt_core::Digest::of(stdin.trim_end()))),
        Some(words) => Outcome::failure(2, words),
    };
    assert_eq!(outcome(command.write_stdin(stdin)), expected);
}
