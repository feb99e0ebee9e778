//! What the driver says.

use std::fmt;

use serde::Deserialize;

/// A line of the driver's.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub(super) enum Event {
    /// A member answers.
    Member { index: u32, url: String, node: String },
    /// One that did is gone.
    Lost { index: u32, reason: String },
    /// One has no place yet.
    Waiting { index: u32, reason: String },
    /// All are there, for the first time.
    Ready,
    /// There will be none, and the driver ends.
    Failed { reason: String },
}

impl fmt::Display for Event {
    /// For a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Member { index, url, node } => {
                write!(f, "member {index} is at {url}, node {node}")
            }
            Self::Lost { index, reason } => write!(f, "member {index} is lost: {reason}"),
            Self::Waiting { index, reason } => {
                write!(f, "member {index} waits for a place: {reason}")
            }
            Self::Ready => f.write_str("all members are there"),
            Self::Failed { reason } => f.write_str(reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(
        r#"{"event": "member", "index": 1, "url": "https://10.0.0.2:4", "node": "ab", "gpus": "0", "pid": 3}"#,
        Event::Member { index: 1, url: "https://10.0.0.2:4".to_owned(), node: "ab".to_owned() }
    )]
    #[case(
        r#"{"event": "lost", "index": 0, "reason": "its node is gone"}"#,
        Event::Lost { index: 0, reason: "its node is gone".to_owned() }
    )]
    #[case(r#"{"event": "ready"}"#, Event::Ready)]
    #[case(
        r#"{"event": "failed", "reason": "Ray is not installed"}"#,
        Event::Failed { reason: "Ray is not installed".to_owned() }
    )]
    fn the_drivers_lines_are_read(#[case] line: &str, #[case] expected: Event) {
        assert_eq!(serde_json::from_str::<Event>(line).unwrap(), expected);
    }
}
