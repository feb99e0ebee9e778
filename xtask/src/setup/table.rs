//! The table of what is there, and of what will be installed and how.
#![expect(
    clippy::print_stdout,
    reason = "whoever runs a chore is told before it installs anything"
)]

use super::Found;
use super::need::State;

/// Prints a line for each thing.
pub(super) fn print(found: &[Found]) {
    let rows: Vec<[String; 3]> = found.iter().map(row).collect();
    let width = rows.iter().map(|[name, ..]| name.len()).max().unwrap_or_default();
    for [name, state, detail] in rows {
        let line = format!("{name:width$}  {state:7}  {detail}");
        println!("{}", line.trim_end());
    }
    println!();
}

fn row((need, state): &Found) -> [String; 3] {
    let (state, detail) = match state {
        State::There(detail) => ("there", detail.clone()),
        State::DoneWithout(detail) => ("without", detail.clone()),
        State::Missing(missing) => ("missing", missing.to_string()),
    };
    [need.to_string(), state.to_owned(), detail]
}

/// The first numbers in a version, by which versions are compared: `v20.19.2` is `[20, 19]`.
pub(super) fn numbers(version: &str) -> Vec<u32> {
    let parts = version.split(|char: char| !char.is_ascii_digit());
    parts.filter_map(|part| part.parse().ok()).take(2).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_their_numbers() {
        assert_eq!(numbers("v20.19.2"), [20, 19]);
        assert_eq!(numbers("3.9.2+dfsg"), [3, 9]);
        assert!(numbers("3.9") < numbers("3.11"));
    }
}
