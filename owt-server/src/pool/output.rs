//! What a worker and its children print, as lines of the front's log.
//!
//! It comes through a pipe that is always read on, so nobody who prints waits for whoever reads the
//! log. And nothing in it can pass for another line, or for an order to a terminal.

use std::borrow::Cow;

use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader};
use tokio::task::JoinHandle;

use crate::log::Forwarder;

/// How much of a line is kept in one piece: what waits in the log's queue has an end.
const LONGEST_PIECE: u64 = 8 * 1024;

/// Marks what goes on with a line.
const GOES_ON: &[u8] = "… ".as_bytes();

/// Puts what comes into the log, until nobody is left that could print.
pub(super) fn follow(output: impl AsyncRead + Send + Unpin + 'static) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut output = BufReader::new(output);
        let (mut forwarder, mut line) = (Forwarder::default(), Vec::new());
        loop {
            let is_begun = !line.is_empty() && !line.ends_with(b"\n");
            line.clear();
            if is_begun {
                line.extend(GOES_ON);
            }
            let mut piece = (&mut output).take(LONGEST_PIECE);
            match piece.read_until(b'\n', &mut line).await {
                Ok(1..) => forwarder.forward(&printable(&line)).await,
                _ => return,
            }
        }
    })
}

/// A line with its end, in which control characters other than tabs are shown.
fn printable(line: &[u8]) -> Cow<'_, [u8]> {
    let is_order = |c: char| c.is_control() && c != '\t';
    let text = line.strip_suffix(b"\n").unwrap_or(line);
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    let shown = String::from_utf8_lossy(text);
    if text.len() + 1 == line.len()
        && matches!(shown, Cow::Borrowed(_))
        && !shown.contains(is_order)
    {
        return Cow::Borrowed(line);
    }
    let mut whole = String::with_capacity(line.len() + 16);
    for c in shown.chars() {
        if is_order(c) {
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
    fn nothing_in_a_line_is_an_order_to_a_terminal() {
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
