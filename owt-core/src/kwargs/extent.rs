//! How deep arguments nest and how much memory they would take, told by their text before anything
//! parses it: JSON, or Python literals.

use serde::de::IgnoredAny;

/// Bytes for a character, in the widest form of Python's strings.
const PER_BYTE: u64 = 4;

/// Bytes for a token of JSON: measured, half of that.
const PER_JSON_TOKEN: u64 = 64;

/// Bytes for a token of a Python literal: what `ast` takes for its tree, with every version from 3.11.
const PER_LITERAL_TOKEN: u64 = 600;

/// What stands before strings whose text is code, in any case of its letters.
const CODE_PREFIXES: [&[u8]; 6] = [b"f", b"fr", b"rf", b"t", b"tr", b"rt"];

/// The extent of one text. Both are upper bounds for whatever can be parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// How deep brackets nest.
    pub depth: usize,
    /// How many words, numbers, strings and signs there are.
    pub tokens: usize,
}

impl Extent {
    /// Looks through a text once.
    ///
    /// # Examples
    ///
    /// ```
    /// use owt_core::kwargs::Extent;
    ///
    /// assert_eq!(Extent::of(r#"{"a": [1, "[["]}"#), Extent { depth: 2, tokens: 9 });
    /// ```
    #[must_use]
    pub fn of(text: &str) -> Extent {
        let text = text.as_bytes();
        Scan { text, ..Scan::default() }.run().unwrap_or_else(|HasCodeInStrings| all(text))
    }

    /// Bytes of memory that `text`, of which this is the extent, takes while it is parsed and then.
    #[must_use]
    pub fn memory(self, text: &str, limit: u64) -> u64 {
        let memory = |per_token: u64| {
            (text.len() as u64)
                .saturating_mul(PER_BYTE)
                .saturating_add((self.tokens as u64).saturating_mul(per_token))
        };
        let as_literal = memory(PER_LITERAL_TOKEN);
        // Most texts are far from the limit, so that nobody has to know what they are.
        match as_literal > limit && is_json(text) {
            true => memory(PER_JSON_TOKEN),
            false => as_literal,
        }
    }
}

/// Whether a text is read as values in brackets, rather than as a text that is an argument itself.
#[must_use]
pub fn is_in_brackets(text: &str) -> bool {
    let text = text.trim_start();
    match text.strip_prefix('<') {
        Some(inner) => inner.trim_start().starts_with(['\'', '"']),
        None => text.starts_with(['{', '[', '(']),
    }
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// A string whose text is code (`f"…"`): where it ends depends on the version of Python.
struct HasCodeInStrings;

#[derive(Default)]
struct Scan<'a> {
    text: &'a [u8],
    at: usize,
    open: usize,
    depth: usize,
    tokens: usize,
}

impl Scan<'_> {
    fn run(mut self) -> Result<Extent, HasCodeInStrings> {
        while let Some(&byte) = self.text.get(self.at) {
            match byte {
                b'"' | b'\'' => self.string(byte)?,
                // Python takes each of them for a line's end.
                b'#' => self.skip(|byte| !matches!(byte, b'\n' | b'\r')),
                byte if byte.is_ascii_whitespace() => self.at += 1,
                byte if is_word(byte) => self.word(),
                byte => self.sign(byte),
            }
        }
        Ok(Extent { depth: self.depth, tokens: self.tokens })
    }

    /// Passes over a word, or a number with its decimals.
    fn word(&mut self) {
        self.tokens += 1;
        self.skip(is_word);
        while matches!(self.text[self.at..], [b'.', b'0'..=b'9', ..]) {
            self.at += 1;
            self.skip(is_word);
        }
    }

    fn sign(&mut self, byte: u8) {
        match byte {
            b'[' | b'{' | b'(' => {
                self.open += 1;
                self.depth = self.depth.max(self.open);
            }
            b']' | b'}' | b')' => self.open = self.open.saturating_sub(1),
            _ => {}
        }
        self.tokens += 1;
        self.at += 1;
    }

    fn skip(&mut self, belongs: impl Fn(u8) -> bool) {
        let rest = &self.text[self.at..];
        self.at += rest.iter().position(|byte| !belongs(*byte)).unwrap_or(rest.len());
    }

    /// Passes over a string, in the notation of JSON or of Python.
    fn string(&mut self, quote: u8) -> Result<(), HasCodeInStrings> {
        if holds_code(&self.text[..self.at]) {
            return Err(HasCodeInStrings);
        }
        let triple = [quote; 3];
        let end: &[u8] = match self.text[self.at..].starts_with(&triple) {
            true => &triple,
            false => &triple[..1],
        };
        self.tokens += 1;
        self.at += end.len();
        while let Some(&byte) = self.text.get(self.at) {
            if self.text[self.at..].starts_with(end) {
                self.at += end.len();
                return Ok(());
            }
            self.at += if byte == b'\\' { 2 } else { 1 };
        }
        self.at = self.text.len();
        Ok(())
    }
}

/// The bounds of a text of which nothing is known.
fn all(text: &[u8]) -> Extent {
    let count = |is_counted: fn(u8) -> bool| text.iter().filter(|byte| is_counted(**byte)).count();
    let depth = count(|byte| matches!(byte, b'[' | b'{' | b'('));
    Extent { depth, tokens: text.len() }
}

/// Whether the string that comes after `before` has a prefix that makes its text code. A longer word that
/// ends like one is no prefix: `not"…"` is a keyword and a string.
fn holds_code(before: &[u8]) -> bool {
    // One byte more than the longest prefix has tells a whole word from the end of one.
    let near = &before[before.len().saturating_sub(3)..];
    let word = near.rsplit(|byte| !is_word(*byte)).next().unwrap_or_default();
    CODE_PREFIXES.iter().any(|prefix| word.eq_ignore_ascii_case(prefix))
}

/// A byte of a word or a number.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;
    use serde_json::Value;

    use super::*;

    #[rstest]
    #[case::nothing("", 0, 0)]
    #[case::word("  word_1 ", 0, 1)]
    #[case::sum("1+1j", 0, 3)]
    #[case::attributes("a.b.c", 0, 5)]
    #[case::decimals("1.5, .5e3", 0, 4)]
    #[case::brackets("[(1,), {}]", 2, 9)]
    #[case::closed_too_often("]]][", 1, 4)]
    #[case::strings(r#"["[[[", '(\'(', r'{\']"#, 1, 7)]
    #[case::triple("['''[''[''', \"\"\"{\"[\"\"\"]", 1, 5)]
    #[case::empty_strings(r#"['', ""]"#, 1, 5)]
    #[case::comment("[1, # it's [[[\n 2]", 1, 5)]
    #[case::comment_before_a_carriage_return("[1, # it's\r[[2]]]", 3, 9)]
    #[case::comment_before_both("[1, # it's\r\n[[2]]]", 3, 9)]
    #[case::word_that_ends_like_a_prefix(r#"[leaf"[[", great'[[']"#, 1, 7)]
    #[case::keyword_before_a_string(r#"[1 if"[[", not'[[']"#, 1, 8)]
    #[case::number_that_ends_like_a_prefix(r#"[0xf"[["]"#, 1, 4)]
    #[case::string_without_end("['[[", 1, 2)]
    #[case::name_that_is_repeated(r#"{"a": [175],"a":3}"#, 2, 11)]
    #[case::other_scripts("{'ключ': naïve}", 1, 5)]
    fn the_extent_of_a_text(#[case] text: &str, #[case] depth: usize, #[case] tokens: usize) {
        assert_eq!(Extent::of(text), Extent { depth, tokens });
    }

    #[rstest]
    #[case(r#"[f"{[[1]]}"]"#)]
    #[case(r#"[Rf'{"[["}']"#)]
    #[case(r#"[""f'{"[["}']"#)]
    #[case("[T'{\"[[\"}']")]
    fn code_in_strings_counts(#[case] text: &str) {
        let extent = Extent::of(text);
        assert!(extent.depth >= 3, "{extent:?}");
        assert_eq!(extent.tokens, text.len());
    }

    #[rstest]
    #[case("{'a': 1}", true)]
    #[case(" [1]", true)]
    #[case("(1,)", true)]
    #[case("< 'a': 1>", true)]
    #[case("<b>((bold", false)]
    #[case("words (and more", false)]
    #[case("", false)]
    fn what_is_in_brackets_is_known(#[case] text: &str, #[case] expected: bool) {
        assert_eq!(is_in_brackets(text), expected);
    }

    #[test]
    fn json_takes_less_than_a_literal() {
        let memory = |text: &str| Extent::of(text).memory(text, 0);
        assert_eq!(memory("[1, 2]"), 6 * PER_BYTE + 5 * PER_JSON_TOKEN);
        assert_eq!(memory("(1, 2)"), 6 * PER_BYTE + 5 * PER_LITERAL_TOKEN);
        assert_eq!(Extent::of("[1]").memory("[1]", 1 << 20), 3 * PER_BYTE + 3 * PER_LITERAL_TOKEN);
    }

    fn depth(value: &Value) -> usize {
        let inner = |values: &mut dyn Iterator<Item = &Value>| values.map(depth).max();
        match value {
            Value::Array(items) => 1 + inner(&mut items.iter()).unwrap_or(0),
            Value::Object(entries) => 1 + inner(&mut entries.values()).unwrap_or(0),
            _ => 0,
        }
    }

    proptest! {
        #[test]
        fn the_depth_of_json_is_exact(
            text in r#"[\[\]{}:,"'#\\a-c1 f]{0,30}"#,
            values in prop::collection::vec(any::<String>(), 0..4),
        ) {
            let nested = Value::from(vec![Value::from(values), serde_json::json!({ text.clone(): [text] })]);
            prop_assert_eq!(Extent::of(&nested.to_string()).depth, depth(&nested));
        }

        #[test]
        fn any_text_has_an_extent(text: String) {
            let extent = Extent::of(&text);
            prop_assert!(extent.tokens <= text.len() && extent.depth <= text.len());
        }
    }
}
