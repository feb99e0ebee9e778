//! Python literals: what `ast.literal_eval` reads, without Python.
//!
//! Only what JSON cannot hold stays Python. The `py_literal` crate was tried first: it takes
//! exponential time for nested lists, reads `0123` as a number, and does not read line breaks, raw strings
//! or joined strings.

mod number;
mod string;

use super::value::Value;

/// How deep brackets may nest, so that no text exhausts the stack.
const MAX_DEPTH: usize = 100;

/// The value of a Python literal, or nothing if the text is not one.
///
/// Three things that `literal_eval` takes are left as text, because that is what people mean by
/// them: a number with a plus sign, items without brackets, and a literal with a comment after it.
pub(super) fn read(text: &str) -> Option<Value> {
    let text = text.trim();
    let mut reader = Reader::new(text);
    let json = reader.value().ok()?;
    reader.rest().is_empty().then(|| value(json, text))
}

/// The entries of a literal dict whose keys are text, or nothing if the text is not one.
pub(super) fn read_dict(text: &str) -> Option<Vec<(String, Value)>> {
    let mut reader = Reader::new(text.trim());
    let entries = reader.braces().ok()??;
    if !reader.rest().is_empty() {
        return None;
    }
    entries.into_iter().map(|entry| Some((entry.name()?, value(entry.json, entry.text)))).collect()
}

fn value(json: Json, text: &str) -> Value {
    json.map_or_else(|| Value::Python(text.to_owned()), Value::Json)
}

/// A literal as JSON, if JSON can hold it.
type Json = Option<String>;

/// The text is not a literal.
struct NotALiteral;

/// One entry of a dict: its key, and its value as JSON and as it is written.
struct Entry<'a> {
    key: Json,
    json: Json,
    text: &'a str,
}

impl Entry<'_> {
    fn name(&self) -> Option<String> {
        serde_json::from_str(self.key.as_ref()?).ok()
    }
}

/// A position in the text of a literal.
struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Reader<'a> {
        Reader { text, at: 0, depth: 0 }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Result<char, NotALiteral> {
        let next = self.peek().ok_or(NotALiteral)?;
        self.at += next.len_utf8();
        Ok(next)
    }

    /// Passes over a text, if it is what comes next.
    fn eat(&mut self, text: &str) -> bool {
        let is_next = self.rest().starts_with(text);
        if is_next {
            self.at += text.len();
        }
        is_next
    }

    fn expect(&mut self, text: &str) -> Result<(), NotALiteral> {
        if self.eat(text) { Ok(()) } else { Err(NotALiteral) }
    }

    /// Passes over white space. Within brackets, line breaks and comments are white space too.
    fn skip_space(&mut self) {
        while let Some(c) = self.peek() {
            match c {
                ' ' | '\t' | '\x0c' => self.at += 1,
                '\n' | '\r' if self.depth > 0 => self.at += 1,
                '#' if self.depth > 0 => {
                    self.at += self.rest().find(['\n', '\r']).unwrap_or(self.rest().len());
                }
                _ => return,
            }
        }
    }

    fn value(&mut self) -> Result<Json, NotALiteral> {
        match self.peek().ok_or(NotALiteral)? {
            '[' => self.list(),
            '(' => self.tuple(),
            '{' => Ok(self.braces()?.and_then(object)),
            '-' | '.' | '0'..='9' => self.number(),
            _ => self.word().map_or_else(|| self.strings(), Ok),
        }
    }

    fn word(&mut self) -> Option<Json> {
        let words = [("True", "true"), ("False", "false"), ("None", "null")];
        let (word, json) = words.into_iter().find(|(word, _)| self.rest().starts_with(word))?;
        self.at += word.len();
        Some(Some(json.to_owned()))
    }

    fn list(&mut self) -> Result<Json, NotALiteral> {
        self.open("[")?;
        let (items, _) = self.items("]")?;
        Ok(array(items))
    }

    /// A tuple, or a value in parentheses.
    fn tuple(&mut self) -> Result<Json, NotALiteral> {
        self.open("(")?;
        let (mut items, has_comma) = self.items(")")?;
        if items.len() == 1 && !has_comma {
            return Ok(items.remove(0));
        }
        Ok(None)
    }

    /// Items up to a closing bracket, and whether there was a comma after the last.
    fn items(&mut self, close: &str) -> Result<(Vec<Json>, bool), NotALiteral> {
        let mut items = Vec::new();
        let mut has_comma = false;
        while !self.close(close) {
            if !items.is_empty() && !has_comma {
                return Err(NotALiteral);
            }
            items.push(self.value()?);
            has_comma = self.comma();
        }
        Ok((items, has_comma))
    }

    /// A dict's entries, or nothing for a set.
    fn braces(&mut self) -> Result<Option<Vec<Entry<'a>>>, NotALiteral> {
        self.open("{")?;
        let mut entries = Vec::new();
        if self.close("}") {
            return Ok(Some(entries));
        }
        let mut key = self.value()?;
        self.skip_space();
        if !self.rest().starts_with(':') {
            return self.set().map(|()| None);
        }
        loop {
            entries.push(self.entry(key)?);
            let has_comma = self.comma();
            if self.close("}") {
                return Ok(Some(entries));
            }
            if !has_comma {
                return Err(NotALiteral);
            }
            key = self.value()?;
        }
    }

    /// An entry of a dict after its key.
    fn entry(&mut self, key: Json) -> Result<Entry<'a>, NotALiteral> {
        self.skip_space();
        self.expect(":")?;
        self.skip_space();
        let start = self.at;
        let json = self.value()?;
        Ok(Entry { key, json, text: &self.text[start..self.at] })
    }

    /// A set after its first item.
    fn set(&mut self) -> Result<(), NotALiteral> {
        if self.comma() {
            return self.items("}").map(drop);
        }
        if self.close("}") { Ok(()) } else { Err(NotALiteral) }
    }

    fn open(&mut self, bracket: &str) -> Result<(), NotALiteral> {
        self.expect(bracket)?;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(NotALiteral);
        }
        self.skip_space();
        Ok(())
    }

    fn close(&mut self, bracket: &str) -> bool {
        self.skip_space();
        let is_closed = self.eat(bracket);
        if is_closed {
            self.depth -= 1;
        }
        is_closed
    }

    fn comma(&mut self) -> bool {
        self.skip_space();
        let is_comma = self.eat(",");
        self.skip_space();
        is_comma
    }
}

fn array(items: Vec<Json>) -> Json {
    let items: Vec<String> = items.into_iter().collect::<Option<_>>()?;
    Some(format!("[{}]", items.join(",")))
}

fn object(entries: Vec<Entry<'_>>) -> Json {
    let entry = |entry: Entry<'_>| {
        let key = entry.key.filter(|key| key.starts_with('"'))?;
        Some(format!("{key}:{}", entry.json?))
    };
    let entries: Vec<String> = entries.into_iter().map(entry).collect::<Option<_>>()?;
    Some(format!("{{{}}}", entries.join(",")))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn json(text: &str) -> Option<Value> {
        Some(Value::Json(text.to_owned()))
    }

    #[rstest]
    #[case("True", "true")]
    #[case("None", "null")]
    #[case("[]", "[]")]
    #[case("[1, 'a', [None,],]", r#"[1,"a",[null]]"#)]
    #[case("(1)", "1")]
    #[case("(('a' 'b'))", r#""ab""#)]
    #[case("{}", "{}")]
    #[case("{'a': {'b': (1)}, \"c\": -2,}", r#"{"a":{"b":1},"c":-2}"#)]
    #[case("[\n  1, # one\n  2\r\n]", "[1,2]")]
    #[case("['a'\n'b']", r#"["ab"]"#)]
    fn literals_that_json_can_hold(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(read(text), json(expected));
    }

    #[rstest]
    #[case("()")]
    #[case("(1,)")]
    #[case("(1, 2)")]
    #[case("{1}")]
    #[case("{1, 'a',}")]
    #[case("{1: 2}")]
    #[case("{'a': (1,)}")]
    #[case("[b'a']")]
    #[case("[1+2j]")]
    fn literals_that_only_python_can_hold(#[case] text: &str) {
        assert_eq!(read(text), Some(Value::Python(text.to_owned())));
    }

    #[rstest]
    #[case("")]
    #[case("x")]
    #[case("Truer")]
    #[case("True False")]
    #[case("[1 2]")]
    #[case("[,]")]
    #[case("[1,,]")]
    #[case("(,)")]
    #[case("[1")]
    #[case("[1)")]
    #[case("{1: 2, 3}")]
    #[case("{1, 2: 3}")]
    #[case("{1: 2 3: 4}")]
    #[case("{'a': 1, **{}}")]
    #[case("[*[]]")]
    #[case("f('x')")]
    #[case("'a'\n'b'")]
    #[case::items_without_brackets("1, 2")]
    #[case::comment_that_would_hide_what_follows("1 # one")]
    #[case::comment_that_never_ends("[1 # one]")]
    fn text_that_is_no_literal(#[case] text: &str) {
        assert_eq!(read(text), None);
    }

    #[test]
    fn depth_is_limited() {
        let nested = |depth: usize| "[".repeat(depth) + "'a'" + &"]".repeat(depth);
        assert_eq!(read(&nested(MAX_DEPTH)), json(&nested(MAX_DEPTH).replace('\'', "\"")));
        assert_eq!(read(&nested(MAX_DEPTH + 1)), None);
        assert_eq!(read(&nested(1_000_000)), None);
    }

    #[test]
    fn a_dicts_entries_keep_their_text() {
        let entries = vec![
            ("a".to_owned(), Value::Json("1".to_owned())),
            ("b".to_owned(), Value::Python("(1, 2)".to_owned())),
        ];
        assert_eq!(read_dict(" {'a': 1, 'b' : (1, 2) } "), Some(entries));
    }

    #[rstest]
    #[case("{1: 2}")]
    #[case("{'a'}")]
    #[case("{'a': 1} | {}")]
    #[case("[]")]
    fn what_is_no_dict_with_names_has_no_entries(#[case] text: &str) {
        assert_eq!(read_dict(text), None);
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in r#"[\[\](){}'"\\,:.\-+jxeubrN0-9 #_\n]{0,40}"#) {
            if let Some(Value::Json(json)) = read(&text) {
                prop_assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok(), "{json}");
            }
        }
    }
}
