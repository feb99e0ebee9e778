//! Every error has its row in `docs/errors.md`, and every row its error.

use std::collections::BTreeSet;
use std::fs;

use owt_core::ErrorKind;

/// Status and code of a row: `| 400 | `code-missing` | …`.
fn row(line: &str) -> Option<(u16, String)> {
    let mut cells = line.strip_prefix("| ")?.split(" | ");
    let status = cells.next()?.parse().ok()?;
    let code = cells.next()?.strip_prefix('`')?.strip_suffix('`')?;
    Some((status, code.to_owned()))
}

#[test]
fn each_error_is_explained_once() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/errors.md");
    let page = fs::read_to_string(page).expect("the page is in the repository");
    let explained: Vec<_> = page.lines().filter_map(row).collect();
    let kinds = ErrorKind::all().map(|kind| (kind.status(), kind.code().to_owned()));
    let known: BTreeSet<_> = kinds.collect();
    assert_eq!(BTreeSet::from_iter(explained.clone()), known);
    assert_eq!(explained.len(), known.len(), "a code has one row");
}

#[test]
fn kinds_of_the_same_code_have_the_same_status() {
    let codes: BTreeSet<_> = ErrorKind::all().map(ErrorKind::code).collect();
    let pairs: BTreeSet<_> = ErrorKind::all().map(|kind| (kind.code(), kind.status())).collect();
    assert_eq!(codes.len(), pairs.len());
}
