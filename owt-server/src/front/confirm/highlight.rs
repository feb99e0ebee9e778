//! Python source, taken apart for a reader: what is code, and what only looks like it.
//!
//! This sees no more than what colours need. It shows every character, also those that cannot be seen.

use std::ops::Range;

/// What a piece of source is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Plain,
    Comment,
    Keyword,
    Number,
    Text,
    /// A character that cannot be seen as it is, as its escape.
    Hidden,
}

/// A line of source, in pieces.
pub(super) type Line = Vec<(Kind, String)>;

const KEYWORDS: [&str; 35] = [
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue",
    "def", "del", "elif", "else", "except", "finally", "for", "from", "global", "if", "import",
    "in", "is", "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while",
    "with", "yield",
];

/// How deep strings with expressions in them are looked into.
const MAX_DEPTH: usize = 4;

/// The lines of some Python.
pub(super) fn lines(source: &str) -> Vec<Line> {
    // As Python reads lines: otherwise a comment could seem to go on where code begins.
    let source = source.replace("\r\n", "\n").replace('\r', "\n");
    let mut lines = vec![Line::new()];
    let source = source.trim_end_matches('\n');
    for (kind, range) in Scanner::scan(source) {
        for (number, part) in source[range].split('\n').enumerate() {
            if number > 0 {
                lines.push(Line::new());
            }
            let line = lines.last_mut().expect("there is at least one line");
            show(kind, part, line);
        }
    }
    lines
}

/// Adds text to a line, with what nobody can see set apart: controls, marks that turn the direction of
/// text around, spaces of other widths or none.
fn show(kind: Kind, text: &str, line: &mut Line) {
    let mut rest = text;
    while let Some((at, hidden)) = rest.char_indices().find(|(_, char)| is_hidden(*char)) {
        push(line, kind, &rest[..at]);
        push(line, Kind::Hidden, &hidden.escape_unicode().to_string());
        rest = &rest[at + hidden.len_utf8()..];
    }
    push(line, kind, rest);
}

fn push(line: &mut Line, kind: Kind, text: &str) {
    match line.last_mut() {
        _ if text.is_empty() => {}
        Some((last, before)) if *last == kind => before.push_str(text),
        _ => line.push((kind, text.to_owned())),
    }
}

fn is_hidden(char: char) -> bool {
    match char {
        '\t' => false,
        char if char.is_ascii() => char.is_ascii_control(),
        // Behind a letter, an accent can be seen.
        char => format!("a{char}").escape_debug().count() > 2,
    }
}

/// Goes through source once, from its start to its end.
struct Scanner<'a> {
    source: &'a str,
    at: usize,
    pieces: Vec<(Kind, Range<usize>)>,
}

impl<'a> Scanner<'a> {
    fn scan(source: &'a str) -> Vec<(Kind, Range<usize>)> {
        let mut scanner = Scanner { source, at: 0, pieces: Vec::new() };
        scanner.code(0);
        scanner.pieces
    }

    fn rest(&self) -> &'a str {
        &self.source[self.at..]
    }

    /// Takes so many bytes as one piece, or as more of the last one.
    fn take(&mut self, kind: Kind, len: usize) {
        let end = self.at + len;
        match self.pieces.last_mut() {
            Some((last, range)) if *last == kind => range.end = end,
            _ => self.pieces.push((kind, self.at..end)),
        }
        self.at = end;
    }

    fn take_char(&mut self, kind: Kind) {
        let len = self.rest().chars().next().map_or(0, char::len_utf8);
        self.take(kind, len);
    }

    /// Takes code up to its end, or within a string, up to the brace that ends it.
    fn code(&mut self, depth: usize) {
        let mut open = 0_usize;
        while let Some(first) = self.rest().chars().next() {
            match first {
                '#' => self.take(Kind::Comment, length(self.rest(), |char| char != '\n')),
                '"' | '\'' => self.text(0, depth),
                '0'..='9' => self.take(Kind::Number, length(self.rest(), is_of_number)),
                _ if is_of_word(first) => self.word(depth),
                '}' if depth > 0 && open == 0 => return,
                _ => {
                    open += usize::from(first == '{');
                    open = open.saturating_sub(usize::from(first == '}'));
                    self.take_char(Kind::Plain);
                }
            }
        }
    }

    /// Takes a name, or a string with a prefix such as `rb`.
    fn word(&mut self, depth: usize) {
        let len = length(self.rest(), is_of_word);
        let (word, after) = self.rest().split_at(len);
        let is_prefix = len <= 2 && word.chars().all(|char| "rRbBuUfFtT".contains(char));
        if is_prefix && after.starts_with(['"', '\'']) {
            return self.text(len, depth);
        }
        let kind = if KEYWORDS.contains(&word) { Kind::Keyword } else { Kind::Plain };
        self.take(kind, len);
    }

    /// Takes a string, and what is in braces in it as code if its prefix says so.
    fn text(&mut self, prefix: usize, depth: usize) {
        let (prefix, rest) = self.rest().split_at(prefix);
        let has_code = depth < MAX_DEPTH && prefix.contains(['f', 'F', 't', 'T']);
        let is_long = rest.starts_with("'''") || rest.starts_with("\"\"\"");
        let end = &rest[..if is_long { 3 } else { 1 }];
        self.take(Kind::Text, prefix.len() + end.len());
        while !self.rest().is_empty() {
            match self.rest() {
                rest if rest.starts_with(end) => return self.take(Kind::Text, end.len()),
                rest if rest.starts_with('\n') && !is_long => return,
                rest if rest.starts_with("{{") => self.take(Kind::Text, 2),
                rest if rest.starts_with('{') && has_code => self.expression(depth),
                rest if rest.starts_with("\\{") => self.take(Kind::Text, 1),
                rest if rest.starts_with('\\') => {
                    self.take(Kind::Text, 1);
                    self.take_char(Kind::Text);
                }
                _ => self.take_char(Kind::Text),
            }
        }
    }

    fn expression(&mut self, depth: usize) {
        self.take(Kind::Plain, 1);
        self.code(depth + 1);
        if self.rest().starts_with('}') {
            self.take(Kind::Plain, 1);
        }
    }
}

/// How many bytes at the start of a text are of such characters.
fn length(text: &str, is_part: impl Fn(char) -> bool) -> usize {
    text.find(|char| !is_part(char)).unwrap_or(text.len())
}

fn is_of_word(char: char) -> bool {
    char == '_' || char.is_alphanumeric()
}

fn is_of_number(char: char) -> bool {
    is_of_word(char) || char == '.'
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    /// The lines with a letter before each piece that is not plain.
    fn marked(source: &str) -> Vec<String> {
        let piece = |(kind, text): &(Kind, String)| match kind {
            Kind::Plain => text.clone(),
            Kind::Comment => format!("c<{text}>"),
            Kind::Keyword => format!("k<{text}>"),
            Kind::Number => format!("n<{text}>"),
            Kind::Text => format!("t<{text}>"),
            Kind::Hidden => format!("h<{text}>"),
        };
        lines(source).iter().map(|line| line.iter().map(piece).collect()).collect()
    }

    #[rstest]
    #[case("def run(): return 1", &["k<def> run(): k<return> n<1>"])]
    #[case("x = 'a' # b 'c'\ny", &["x = t<'a'> c<# b 'c'>", "y"])]
    #[case(r#"'a\'b' + "'""#, &[r#"t<'a\'b'> + t<"'">"#])]
    #[case("'''a\n'b' # c''' d", &["t<'''a>", "t<'b' # c'''> d"])]
    #[case("'a\nb", &["t<'a>", "b"])]
    #[case(r"Rb'\'' fr", &[r"t<Rb'\''> fr"])]
    #[case(r#"f'{a["b"]}{{c}}'"#, &[r#"t<f'>{a[t<"b">]}t<{{c}}'>"#])]
    #[case("f'{f'{1}'}' 2", &["t<f'>{t<f'>{n<1>}t<'>}t<'> n<2>"])]
    #[case(r#"f'\{"'"}' 2"#, &[r#"t<f'\>{t<"'">}t<'> n<2>"#])]
    #[case("f'{ {1: 2} }'", &["t<f'>{ {n<1>: n<2>} }t<'>"])]
    #[case("None_ none 0x1F 1.5e3", &["None_ none n<0x1F> n<1.5e3>"])]
    #[case("a\r\nb\rc\n\n", &["a", "b", "c"])]
    #[case("\t\u{e9} e\u{301}", &["\t\u{e9} e\u{301}"])]
    #[case("# \u{202e}\u{200b}\0", &["c<# >h<\\u{202e}\\u{200b}\\u{0}>"])]
    #[case("", &[""])]
    fn source_is_taken_apart(#[case] source: &str, #[case] expected: &[&str]) {
        assert_eq!(marked(source), expected);
    }

    #[test]
    fn no_nesting_is_too_deep() {
        assert_eq!(lines(&"f'{".repeat(100_000)).len(), 1);
    }

    proptest! {
        #[test]
        fn every_character_is_shown(source in "([a-z'\"{}\\\\#\n ]|f'|'''|\\PC){0,40}") {
            let text = |line: &Line| line.iter().map(|(_, text)| text.as_str()).collect::<String>();
            let shown: Vec<String> = lines(&source).iter().map(text).collect();
            let seen = |char: char| match is_hidden(char) {
                true => char.escape_unicode().to_string(),
                false => char.to_string(),
            };
            let expected = source.trim_end_matches('\n').split('\n');
            let expected: Vec<String> =
                expected.map(|line| line.chars().map(seen).collect()).collect();
            prop_assert_eq!(shown, expected);
        }
    }
}
