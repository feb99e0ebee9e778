//! `owt key` and `owt encode --sign`.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use owt_core::{UrlKeys, signature};
use rstest::rstest;
use tempfile::TempDir;

use crate::program::{Outcome, outcome, owt};

const KEY: &str = "C7dD5y3UDiqY5Rpi1MbNUqbBgzD0PMHQ4Ax0tH2YZmQ";

/// A file with these keys, which nobody else can read.
fn key_file(folder: &TempDir, text: &str) -> PathBuf {
    let path = folder.path().join("url.key");
    fs::write(&path, text).expect("the folder is ours");
    set_mode(&path, 0o600);
    path
}

fn new_key(path: &Path) -> Outcome {
    outcome(owt(&["key"]).arg(path))
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("the file is ours");
}

fn mode(path: &Path) -> u32 {
    path.metadata().expect("the file is there").permissions().mode() & 0o777
}

fn signed(args: &[&str]) -> Outcome {
    let mut command = owt(&["encode", "-", "--sign", "--url", "http://localhost/a"]);
    outcome(command.env("OWT_URL_KEY", KEY).args(args).write_stdin("1 + 1"))
}

/// How long a URL that was just signed is valid.
fn lifetime(url: &str) -> Duration {
    let (_, query) = url.trim().split_once('?').expect("the call is in the query");
    let is_valid = |seconds: u64| {
        let keys: UrlKeys = KEY.parse().expect("it is a key");
        let now = SystemTime::now() + Duration::from_secs(seconds);
        signature::verify(&keys, "/a", query, now).is_ok()
    };
    let valid: Vec<u64> =
        [10, 80, 110, 3500, 3700].into_iter().filter(|&at| is_valid(at)).collect();
    Duration::from_secs(*valid.last().expect("it is valid for a while"))
}

#[test]
fn a_key_is_put_into_a_new_file_that_nobody_else_reads() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("url.key");
    assert_eq!(new_key(&path), Outcome::data(""));
    assert_eq!(mode(&path), 0o600);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.parse::<UrlKeys>().is_ok() && text.len() == 44, "{text}");
}

#[test]
fn a_new_key_goes_before_the_older_ones() {
    let folder = TempDir::new().unwrap();
    let path = key_file(&folder, &format!("# of the server\n{KEY}"));
    set_mode(&path, 0o640);
    assert_eq!(new_key(&path), Outcome::data(""));
    let text = fs::read_to_string(&path).unwrap();
    let (newer, older) = text.split_once('\n').unwrap();
    assert_eq!((newer.len(), older), (43, format!("# of the server\n{KEY}").as_str()));
    assert_eq!(mode(&path), 0o640);
}

#[test]
fn a_file_without_keys_is_not_touched() {
    let folder = TempDir::new().unwrap();
    let path = key_file(&folder, "dear diary\n");
    let message = format!(
        "owt: error: cannot add a key to {path:?}: the key in line 1 has fewer than 32 bytes\n"
    );
    assert_eq!(new_key(&path), Outcome::failure(4, message));
    assert_eq!(fs::read_to_string(&path).unwrap(), "dear diary\n");
}

#[rstest]
#[case::an_hour(&[], 3500)]
#[case::minutes(&["--expires", "1.5m"], 110)]
#[case::seconds(&["--expires", "60"], 80)]
fn a_url_is_signed_for_as_long_as_asked(#[case] args: &[&str], #[case] valid_at: u64) {
    let Outcome { code, stdout, stderr } = signed(args);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    assert!(
        stdout.starts_with("http://localhost/a?code_b64=MSArIDE&owt_signature=v1."),
        "{stdout}"
    );
    assert_eq!(lifetime(&stdout), Duration::from_secs(valid_at));
}

#[test]
fn a_url_is_signed_with_the_first_key_of_a_file() {
    let folder = TempDir::new().unwrap();
    let path = key_file(&folder, &format!("{KEY}\n{}\n", "A".repeat(43)));
    let Outcome { stdout, .. } = signed(&["--url-key", path.to_str().unwrap()]);
    assert_eq!(lifetime(&stdout), Duration::from_secs(3500));
}

#[rstest]
#[case::another_format(
    &["--format", "json"],
    "only a URL can be signed\n\nhint: leave out --format, or --sign\n"
)]
#[case::a_query(
    &["--url", "http://localhost?x=1"],
    "the base URL has a query, and a signed URL has only the fields of its call\n\n\
     hint: leave the query out of --url\n"
)]
fn what_cannot_be_signed_is_refused(#[case] args: &[&str], #[case] message: &str) {
    let mut command = owt(&["encode", "-", "--sign"]);
    let outcome = outcome(command.env("OWT_URL_KEY", KEY).args(args).write_stdin("1 + 1"));
    assert_eq!(outcome, Outcome::failure(2, format!("owt: error: {message}")));
}

#[test]
fn without_a_key_nothing_is_signed() {
    let hint = "make one with owt key url.key, and give it with --url-key url.key";
    let message = format!("owt: error: there is no key to sign with\n\nhint: {hint}\n");
    let outcome = outcome(owt(&["encode", "-", "--sign"]).write_stdin("1 + 1"));
    assert_eq!(outcome, Outcome::failure(2, message));
}

#[rstest]
#[case::encode(&["encode", "-", "--sign"], 4)]
#[case::serve(&["serve", "--port", "0"], 5)]
fn a_key_file_that_is_everybodys_is_refused(#[case] args: &[&str], #[case] code: i32) {
    let folder = TempDir::new().unwrap();
    let path = key_file(&folder, KEY);
    set_mode(&path, 0o644);
    let path = path.display();
    let message = format!(
        "owt: error: everybody on this machine can read the keys of signed URLs in {path}\n\n\
         hint: chmod 600 {path}\n"
    );
    let mut command = owt(args);
    let outcome = outcome(command.args(["--url-key", &path.to_string()]).write_stdin("1 + 1"));
    assert_eq!(outcome, Outcome::failure(code, message));
}
