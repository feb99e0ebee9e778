//! A parser of event streams (HTML standard, section 9.2.6), our own because the crates differ from
//! browsers: eventsource-stream 0.2.3 loses events that end in carriage returns and panics at a byte
//! order mark; sse-stream 0.2.6 fails at lines without a colon, gives events that have no data, and
//! forgets the last id.

use std::time::Duration;

use super::Event;

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();
const DEFAULT_EVENT: &str = "message";

/// Takes bytes as they come, cut anywhere.
#[derive(Debug, Default)]
pub(super) struct Parser {
    /// The line that has not ended yet.
    line: Vec<u8>,
    is_past_first_line: bool,
    /// Whether a line feed, if it is next, belongs to the line break before it.
    is_after_cr: bool,
    event: String,
    data: String,
    id: String,
    retry: Option<Duration>,
}

impl Parser {
    /// The events that these bytes complete.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        for piece in bytes.split_inclusive(|byte| matches!(byte, b'\r' | b'\n')) {
            let is_rest_of_break = std::mem::replace(&mut self.is_after_cr, false);
            match piece {
                b"\n" if is_rest_of_break => {}
                [line @ .., end @ (b'\r' | b'\n')] => {
                    self.is_after_cr = *end == b'\r';
                    self.line.extend_from_slice(line);
                    events.extend(self.end_line());
                }
                part => self.line.extend_from_slice(part),
            }
        }
        events
    }

    fn end_line(&mut self) -> Option<Event> {
        let line = std::mem::take(&mut self.line);
        let line = match std::mem::replace(&mut self.is_past_first_line, true) {
            true => &line[..],
            false => line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&line),
        };
        if line.is_empty() {
            return self.dispatch();
        }
        let line = String::from_utf8_lossy(line);
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        self.set(field, value.strip_prefix(' ').unwrap_or(value));
        None
    }

    fn set(&mut self, field: &str, value: &str) {
        match field {
            "event" => value.clone_into(&mut self.event),
            "data" => self.data.extend([value, "\n"]),
            "id" if !value.contains('\0') => value.clone_into(&mut self.id),
            "retry" if value.bytes().all(|byte| byte.is_ascii_digit()) => {
                self.retry = value.parse().ok().map(Duration::from_millis).or(self.retry);
            }
            _ => {}
        }
    }

    fn dispatch(&mut self) -> Option<Event> {
        let event = std::mem::take(&mut self.event);
        let mut data = std::mem::take(&mut self.data);
        data.pop()?;
        let event = if event.is_empty() { DEFAULT_EVENT.to_owned() } else { event };
        Some(Event { event, data, id: self.id.clone(), retry: self.retry })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    /// An event as its kind, data and id.
    type Seen<'a> = (&'a str, &'a str, &'a str);

    fn parse(stream: &[u8], chunk: usize) -> Vec<Event> {
        let mut parser = Parser::default();
        stream.chunks(chunk).flat_map(|bytes| parser.feed(bytes)).collect()
    }

    #[rstest]
    #[case::one(b"data: a\n\n", &[("message", "a", "")])]
    #[case::carriage_returns(b"data: a\r\rdata: b\r\r", &[("message", "a", ""), ("message", "b", "")])]
    #[case::both(b"data: a\r\n\r\ndata: b\r\n\r\n", &[("message", "a", ""), ("message", "b", "")])]
    #[case::mixed(b"data: a\r\n\ndata: b\n\r\n", &[("message", "a", ""), ("message", "b", "")])]
    #[case::byte_order_mark(b"\xef\xbb\xbfdata: a\n\n", &[("message", "a", "")])]
    #[case::byte_order_mark_later(b"data: a\n\n\xef\xbb\xbfdata: b\n\n", &[("message", "a", "")])]
    #[case::standard_stocks(
        b"data: YHOO\ndata: +2\ndata: 10\n\n",
        &[("message", "YHOO\n+2\n10", "")]
    )]
    #[case::standard_ids(
        b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
        &[("message", "first event", "1"), ("message", "second event", ""), ("message", " third event", "")]
    )]
    #[case::standard_empty_data(b"data\n\ndata\ndata\n\ndata:", &[("message", "", ""), ("message", "\n", "")])]
    #[case::standard_space(b"data:test\n\ndata: test\n\n", &[("message", "test", ""), ("message", "test", "")])]
    #[case::unfinished(b"data: a\n\ndata: b\n", &[("message", "a", "")])]
    #[case::kind(b"event: x\ndata: a\n\ndata: b\n\n", &[("x", "a", ""), ("message", "b", "")])]
    #[case::kind_without_data(b"event: x\n\ndata: b\n\n", &[("message", "b", "")])]
    #[case::empty_kind(b"event: x\nevent:\ndata: a\n\n", &[("message", "a", "")])]
    #[case::id_stays(b"id: 7\ndata: a\n\ndata: b\n\n", &[("message", "a", "7"), ("message", "b", "7")])]
    #[case::id_without_data(b"id: 7\n\ndata: b\n\n", &[("message", "b", "7")])]
    #[case::id_with_nul(b"id: 7\n\nid: 8\0\ndata: b\n\n", &[("message", "b", "7")])]
    #[case::other_fields(b"foo: 1\nDATA: 2\ndata : 3\n data: 4\ndata: a\n\n", &[("message", "a", "")])]
    #[case::colons(b"data:a:b: c\n\n", &[("message", "a:b: c", "")])]
    #[case::other_scripts("data: é👋\n\n".as_bytes(), &[("message", "é👋", "")])]
    #[case::not_utf8(b"data: a\xff\xe2\x82\n\ndata: c\n\n", &[("message", "a\u{fffd}\u{fffd}", ""), ("message", "c", "")])]
    fn a_stream_is_read_as_browsers_do(#[case] stream: &[u8], #[case] expected: &[Seen<'_>]) {
        for chunk in 1..=stream.len() {
            let events = parse(stream, chunk);
            let seen: Vec<Seen<'_>> =
                events.iter().map(|it| (&*it.event, &*it.data, &*it.id)).collect();
            assert_eq!(seen, expected, "in chunks of {chunk}");
        }
    }

    #[rstest]
    #[case::number("retry: 10", Some(10))]
    #[case::zeros("retry:007", Some(7))]
    #[case::sign("retry: +1", None)]
    #[case::word("retry: 1x", None)]
    #[case::nothing("retry", None)]
    #[case::too_large("retry: 99999999999999999999", None)]
    #[case::last_that_is_one("retry: 10\nretry: x", Some(10))]
    fn only_digits_say_when_to_come_back(#[case] line: &str, #[case] millis: Option<u64>) {
        let events = parse(format!("{line}\ndata: a\n\ndata: b\n\n").as_bytes(), 1000);
        let retries: Vec<_> = events.into_iter().map(|event| event.retry).collect();
        assert_eq!(retries, [millis.map(Duration::from_millis); 2]);
    }

    #[rstest]
    #[case(b"data: a\n\n")]
    #[case(b"data: a\r\r")]
    #[case(b"data: a\r\n\r")]
    fn an_event_is_given_as_soon_as_its_last_line_break_is_there(#[case] stream: &[u8]) {
        assert_eq!(parse(stream, stream.len()).len(), 1);
    }

    proptest! {
        #[test]
        fn where_a_stream_is_cut_makes_no_difference(
            lines in proptest::collection::vec(
                ("(data|event|id|retry|)(:| |: )?", "[a\u{e9}\0 :1]{0,3}", "\r|\n|\r\n"), 0..12,
            ),
            chunk in 1..7_usize,
        ) {
            let stream: String = lines.iter().map(|(name, value, end)| format!("{name}{value}{end}")).collect();
            prop_assert_eq!(parse(stream.as_bytes(), chunk), parse(stream.as_bytes(), usize::MAX));
        }

        #[test]
        fn what_is_sent_arrives(data in "[^\r]{0,40}", kind in "[^\r\n]{1,9}", id in "[^\r\n\0]{0,9}") {
            let lines: String = data.split('\n').map(|line| format!("data: {line}\n")).collect();
            let stream = format!("event: {kind}\nid: {id}\n{lines}\n");
            let expected = Event { event: kind, data, id, retry: None };
            prop_assert_eq!(parse(stream.as_bytes(), 5), [expected]);
        }
    }
}
