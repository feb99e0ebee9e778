//! Forwards what a worker and its children print to the front's log.
//!
//! The pipe is read all the time, so that printing does not block. Control characters are escaped:
//! output can neither forge log lines nor control a terminal.

use std::borrow::Cow;
use std::sync::Weak;

use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader};
use tokio::task::JoinHandle;

use crate::interpreter::LastLine;
use crate::log::Forwarder;

/// Longer lines are split, so that the log's queue is bounded.
const MAX_LINE: u64 = 8 * 1024;

/// Begins each further part of a line that was split.
const CONTINUATION: &[u8] = "… ".as_bytes();

/// Forwards output to the log until all writers have closed the pipe, and notes its lines as long as
/// somebody wants the last one.
pub(super) fn forward(
    output: impl AsyncRead + Send + Unpin + 'static,
    last_line: Weak<LastLine>,
) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut output = BufReader::new(output);
        let (mut forwarder, mut line) = (Forwarder::default(), Vec::new());
        loop {
            let is_continuation = !line.is_empty() && !line.ends_with(b"\n");
            line.clear();
            if is_continuation {
                line.extend(CONTINUATION);
            }
            let mut piece = (&mut output).take(MAX_LINE);
            match piece.read_until(b'\n', &mut line).await {
                Ok(1..) => {
                    let line = printable(&line);
                    if let Some(last_line) = last_line.upgrade() {
                        last_line.note(&String::from_utf8_lossy(&line));
                    }
                    forwarder.forward(&line).await;
                }
                _ => return,
            }
        }
    })
}

/// A line in which control characters other than tabs are escaped.
fn printable(line: &[u8]) -> Cow<'_, [u8]> {
    let is_control = |c: char| c.is_control() && c != '\t';
    let text = line.strip_suffix(b"\n").unwrap_or(line);
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    let shown = String::from_utf8_lossy(text);
    if text.len() + 1 == line.len()
        && matches!(shown, Cow::Borrowed(_))
        && !shown.contains(is_control)
    {
        return Cow::Borrowed(line);
    }
    let mut whole = String::with_capacity(line.len() + 16);
    for c in shown.chars() {
        if is_control(c) {
            whole.extend(c.escape_default());
        } else {
            whole.push(c);
        }
    }
    whole.push('\n');
    Cow::Owned(whole.into_bytes())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn control_characters_are_escaped() {
        let cases: [(&[u8], &str); 7] = [
            (b"as it is\t\xc3\xa9\n", "as it is\t\u{e9}\n"),
            (b"no end", "no end\n"),
            (b"from elsewhere\r\n", "from elsewhere\n"),
            (b"\x1b[2J\x07\x7f\n", "\\u{1b}[2J\\u{7}\\u{7f}\n"),
            (b"10 %\r20 %\n", "10 %\\r20 %\n"),
            ("C1: \u{9b}2J\n".as_bytes(), "C1: \\u{9b}2J\n"),
            (b"no UTF-8: \x9b2J\n", "no UTF-8: \u{fffd}2J\n"),
        ];
        for (line, shown) in cases {
            assert_eq!(String::from_utf8_lossy(&printable(line)), shown);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_one_printable_line(line in prop::collection::vec(any::<u8>(), 0..99)) {
            let line: Vec<_> = line.into_iter().filter(|byte| *byte != b'\n').collect();
            let shown = String::from_utf8(printable(&line).into_owned()).unwrap();
            let text = shown.strip_suffix('\n').unwrap();
            prop_assert!(text.chars().all(|c| c == '\t' || !c.is_control()));
        }
    }
}
