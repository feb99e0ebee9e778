//! What `ARCHITECTURE.md` says in a form that can be compared: two tables, and a list of cycles.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// What is allowed.
pub(super) struct Document {
    /// The crates that each crate may use.
    pub(super) crates: BTreeMap<String, BTreeSet<String>>,
    /// The folders of the server that each of its folders may use.
    pub(super) folders: BTreeMap<String, BTreeSet<String>>,
    /// Files that may use each other.
    pub(super) cycles: BTreeSet<BTreeSet<PathBuf>>,
}

impl Document {
    /// Reads the tables whose last column is `may depend on` and `may use`, and the items below the
    /// heading `Cycles`.
    pub(super) fn parse(text: &str) -> Self {
        Self {
            crates: table(text, "may depend on"),
            folders: table(text, "may use"),
            cycles: cycles(text),
        }
    }
}

/// From each name in the first column to all names in the last one.
fn table(text: &str, last_column: &str) -> BTreeMap<String, BTreeSet<String>> {
    let is_head = |line: &&str| line.trim_end_matches(['|', ' ']).ends_with(last_column);
    let rows = text.lines().skip_while(|line| !is_head(line)).skip(2);
    let rows = rows.take_while(|line| line.starts_with('|'));
    rows.flat_map(row).collect()
}

fn row(line: &str) -> Vec<(String, BTreeSet<String>)> {
    let cells: Vec<&str> = line.trim_matches('|').split('|').collect();
    let (Some(first), Some(last)) = (cells.first(), cells.last()) else { return Vec::new() };
    let targets: BTreeSet<String> = names(last).collect();
    names(first).map(|name| (name, targets.clone())).collect()
}

fn cycles(text: &str) -> BTreeSet<BTreeSet<PathBuf>> {
    let section = text.lines().skip_while(|line| *line != "## Cycles").skip(1);
    let section = section.take_while(|line| !line.starts_with("## "));
    let items = section.filter(|line| line.starts_with("- "));
    // The files come first, then a colon and the reason.
    let files = items.map(|line| line.split_once(':').map_or(line, |(files, _)| files));
    files.map(|files| names(files).map(PathBuf::from).collect()).collect()
}

/// What stands in backticks.
fn names(text: &str) -> impl Iterator<Item = String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "
| crate | what | may depend on |
|---|---|---|
| `one` | `words` | small libraries |
| `two`, `three` | | `one`, a library |

| folder | may use |
|---|---|
| `front` | `cache` |

## Cycles

- `a/b.rs`, `a/c.rs`: each `d` needs an `e`.

## More
- `x`
";

    #[test]
    fn tables_and_cycles_are_read() {
        let set = |names: &[&str]| names.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
        let document = Document::parse(TEXT);
        let crates = [("one", set(&[])), ("two", set(&["one"])), ("three", set(&["one"]))];
        let crates = crates.map(|(name, targets)| (name.to_owned(), targets));
        assert_eq!(document.crates, BTreeMap::from(crates));
        assert_eq!(document.folders, BTreeMap::from([("front".to_owned(), set(&["cache"]))]));
        let cycle = ["a/b.rs", "a/c.rs"].map(PathBuf::from);
        assert_eq!(document.cycles, BTreeSet::from([BTreeSet::from(cycle)]));
    }
}
