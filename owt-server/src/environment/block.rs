//! Finds the metadata block in an adaptor's source: a comment that is TOML (PEP 723).
//!
//! <https://packaging.python.org/en/latest/specifications/inline-script-metadata/>
//!
//! This reads line by line what the specification's regular expression matches, and a test holds it to
//! that. Captures of a regular expression are slow in a source of megabytes, and meanwhile the thread
//! would answer nobody.

use std::borrow::Cow;

const START: &str = "# /// script";
const END: &str = "# ///";

/// There is more than one block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Repeated;

/// The text of the block `script`, without its comment signs.
pub(super) fn find(source: &str) -> Result<Option<String>, Repeated> {
    let Some(first) = source.find(START) else { return Ok(None) };
    if !source[first..].contains(END) {
        return Ok(None);
    }
    let source = with_newlines(source);
    let mut blocks = Blocks { rest: &source }.filter(|block| block.kind == "script");
    let Some(found) = blocks.next() else { return Ok(None) };
    match blocks.next() {
        Some(_) => Err(Repeated),
        None => Ok(Some(found.content.split_inclusive('\n').map(uncommented).collect())),
    }
}

/// Clients may send any ends of lines.
fn with_newlines(source: &str) -> Cow<'_, str> {
    match source.contains('\r') {
        true => source.replace("\r\n", "\n").replace('\r', "\n").into(),
        false => source.into(),
    }
}

fn uncommented(line: &str) -> &str {
    line.strip_prefix("# ").unwrap_or(&line[1..])
}

struct Block<'a> {
    kind: &'a str,
    content: &'a str,
}

/// The blocks of any kind, one after the other.
struct Blocks<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Blocks<'a> {
    type Item = Block<'a>;

    fn next(&mut self) -> Option<Block<'a>> {
        while !self.rest.is_empty() {
            let (line, rest) = split_line(self.rest);
            self.rest = rest;
            let Some(kind) = kind(line) else { continue };
            let comment = Comment::at_start_of(rest);
            // A comment without an end has none for a start further down in it either.
            self.rest = &rest[comment.end.map_or(comment.len, |end| end + END.len())..];
            if let Some(end) = comment.end {
                return Some(Block { kind, content: &rest[..end] });
            }
        }
        None
    }
}

/// The lines of a comment.
struct Comment {
    len: usize,
    /// Where its last line is that ends a block, if there is anything to end.
    end: Option<usize>,
}

impl Comment {
    fn at_start_of(text: &str) -> Self {
        let mut comment = Self { len: 0, end: None };
        for line in text.split_inclusive('\n') {
            let is_end = line.strip_suffix('\n').unwrap_or(line) == END;
            if is_end && comment.len > 0 {
                comment.end = Some(comment.len);
            }
            let is_content = line == "#\n" || line.starts_with("# ") && line.ends_with('\n');
            if !is_content {
                break;
            }
            comment.len += line.len();
        }
        comment
    }
}

/// The first line, and what follows it.
fn split_line(text: &str) -> (&str, &str) {
    text.split_at(text.find('\n').map_or(text.len(), |end| end + 1))
}

/// The kind of the block that begins with a line.
fn kind(line: &str) -> Option<&str> {
    let kind = line.strip_prefix("# /// ")?.strip_suffix('\n')?;
    let is_kind = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (!kind.is_empty() && kind.bytes().all(is_kind)).then_some(kind)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex::Regex;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::empty("")]
    #[case::never_ended("# /// script\n# dependencies = []\n")]
    #[case::another_kind("# /// pyproject\n# dependencies = []\n# ///\n")]
    #[case::a_line_without_a_space("# /// script\n#dependencies = []\n# ///\n")]
    #[case::indented(" # /// script\n # dependencies = []\n # ///\n")]
    #[case::inside_of_another("# /// other\n# /// script\n# a = 1\n# ///\n")]
    #[case::nothing_in_it("# /// script\n# ///\n")]
    fn a_source_may_have_no_block(#[case] source: &str) {
        assert_eq!(find(source), Ok(None));
    }

    #[rstest]
    #[case("\n")]
    #[case("\r\n")]
    #[case("\r")]
    fn a_block_is_what_is_behind_its_comment_signs(#[case] newline: &str) {
        let source =
            "#!/usr/bin/env python3\n# /// script\n# a = [\n#   1,\n# ]\n#\n# ///\n\n1 + 1";
        let found = find(&source.replace('\n', newline));
        assert_eq!(found, Ok(Some("a = [\n  1,\n]\n\n".to_owned())));
    }

    #[test]
    fn two_blocks_are_refused() {
        let block = "# /// script\n# a = 1\n# ///\n";
        assert_eq!(find(&format!("{block}\n{block}")), Err(Repeated));
    }

    #[test]
    fn a_source_of_many_starts_is_read_in_no_time() {
        let starts = "# /// script\n".repeat(1 << 20);
        assert_eq!(find(&format!("{starts}\n# ///")), Ok(None));
    }

    /// The blocks as the specification's own expression finds them.
    fn by_expression(source: &str) -> Vec<(String, String)> {
        let block = r"(?m)^# /// (?P<type>[a-zA-Z0-9-]+)$\s(?P<content>(^#(| .*)$\s)+)^# ///$";
        let found = Regex::new(block).unwrap();
        let found = found.captures_iter(source);
        found.map(|found| (found["type"].to_owned(), found["content"].to_owned())).collect()
    }

    proptest! {
        #[test]
        fn blocks_are_those_of_the_specification(
            lines in proptest::collection::vec(
                proptest::sample::select(vec![
                    "# /// script", "# /// other", "# ///", "# /// ", "# a = 1", "#", "#b", "", "x", "# /// a b",
                ]),
                0..14,
            ),
            is_ended in any::<bool>(),
        ) {
            let source = lines.join("\n") + if is_ended { "\n" } else { "" };
            let found: Vec<_> = Blocks { rest: &source }
                .map(|block| (block.kind.to_owned(), block.content.to_owned()))
                .collect();
            prop_assert_eq!(found, by_expression(&source));
        }

        #[test]
        fn any_source_is_read(source in any::<String>()) {
            let _ = find(&format!("# /// script\n{source}\n# ///\n"));
        }
    }
}
