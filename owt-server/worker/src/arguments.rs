//! Reads the most frequent form of arguments without Python: a dict of plain values. Any other text, and
//! whatever may not be what it seems, is left to `owt/_kwargs.py`, which says what arguments mean.
//!
//! The reader of literals in `owt-core` gives JSON. This one gives Python's objects, and reads no less than
//! the whole of what it returns exactly as Python would.

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString};

/// Longer texts are left to Python: its reader keeps equal keys once.
const MAX_TEXT: usize = 64 * 1024;

/// How deep brackets may nest, so that no text exhausts the stack.
const MAX_DEPTH: usize = 32;

/// The arguments in `text`, if they are in this form.
pub(super) fn read<'py>(py: Python<'py>, text: &str) -> Option<Bound<'py, PyDict>> {
    if text.len() > MAX_TEXT {
        return None;
    }
    let mut reader = Reader { py, text, at: 0, depth: 0, notation: None };
    reader.skip_space();
    let dict = reader.dict()?;
    reader.skip_space();
    (reader.at == text.len()).then_some(dict)
}

/// What a text has to be because of what was read of it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Notation {
    Json,
    Python,
}

struct Reader<'py, 'a> {
    py: Python<'py>,
    text: &'a str,
    at: usize,
    depth: usize,
    /// Nothing while the text may be both.
    notation: Option<Notation>,
}

impl<'py, 'a> Reader<'py, 'a> {
    /// Notes that the text can only be in this notation; `None` if it can only be in the other one.
    fn require(&mut self, notation: Notation) -> Option<()> {
        (*self.notation.get_or_insert(notation) == notation).then_some(())
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Passes over a byte, if it comes next.
    fn eat(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    /// Passes over what is white space in both notations, and in all versions of Python.
    fn skip_space(&mut self) {
        self.skip_while(|byte| matches!(byte, b' ' | b'\n' | b'\t'));
    }

    fn skip_while(&mut self, belongs: impl Fn(u8) -> bool) {
        let rest = &self.text.as_bytes()[self.at..];
        self.at += rest.iter().position(|byte| !belongs(*byte)).unwrap_or(rest.len());
    }

    fn value(&mut self) -> Option<Bound<'py, PyAny>> {
        match self.peek()? {
            b'"' | b'\'' => Some(self.string()?.into_any()),
            b'{' => Some(self.dict()?.into_any()),
            b'[' => Some(self.list()?.into_any()),
            b'-' | b'0'..=b'9' => self.number(),
            _ => self.word(),
        }
    }

    fn dict(&mut self) -> Option<Bound<'py, PyDict>> {
        let dict = PyDict::new(self.py);
        let mut is_open = self.open(b'{', b'}')?;
        while is_open {
            let key = self.string()?;
            self.skip_space();
            if !self.eat(b':') {
                return None;
            }
            self.skip_space();
            dict.set_item(key, self.value()?).ok()?;
            is_open = self.has_next(b'}')?;
        }
        Some(dict)
    }

    fn list(&mut self) -> Option<Bound<'py, PyList>> {
        let list = PyList::empty(self.py);
        let mut is_open = self.open(b'[', b']')?;
        while is_open {
            list.append(self.value()?).ok()?;
            is_open = self.has_next(b']')?;
        }
        Some(list)
    }

    /// Passes over an opening bracket; whether anything is before the closing one.
    fn open(&mut self, open: u8, close: u8) -> Option<bool> {
        if !self.eat(open) || self.depth == MAX_DEPTH {
            return None;
        }
        self.depth += 1;
        self.skip_space();
        Some(!self.closes(close))
    }

    /// Whether another item follows before the closing bracket.
    fn has_next(&mut self, close: u8) -> Option<bool> {
        self.skip_space();
        if !self.eat(b',') {
            return self.closes(close).then_some(false);
        }
        self.skip_space();
        if self.closes(close) {
            self.require(Notation::Python)?;
            return Some(false);
        }
        Some(true)
    }

    fn closes(&mut self, close: u8) -> bool {
        let is_closed = self.eat(close);
        self.depth -= usize::from(is_closed);
        is_closed
    }

    fn string(&mut self) -> Option<Bound<'py, PyString>> {
        let quote = self.peek().filter(|byte| matches!(byte, b'"' | b'\''))?;
        if quote == b'\'' {
            self.require(Notation::Python)?;
        }
        self.at += 1;
        let first = self.plain(quote)?;
        if self.eat(quote) {
            return Some(PyString::new(self.py, first));
        }
        let mut text = first.to_owned();
        while !self.eat(quote) {
            text.push(self.escape()?);
            text.push_str(self.plain(quote)?);
        }
        Some(PyString::new(self.py, &text))
    }

    /// Text up to a quote or an escape. JSON has no control characters in strings, Python no line breaks.
    fn plain(&mut self, quote: u8) -> Option<&'a str> {
        let start = self.at;
        self.skip_while(|byte| byte != quote && byte != b'\\' && byte >= b' ');
        self.text.get(start..self.at)
    }

    /// An escape that stands for one character.
    fn escape(&mut self) -> Option<char> {
        if !self.eat(b'\\') {
            return None;
        }
        let letter = self.peek()?;
        self.at += 1;
        match letter {
            b'"' | b'\\' => Some(char::from(letter)),
            b'b' => Some('\x08'),
            b'f' => Some('\x0c'),
            b'n' => Some('\n'),
            b'r' => Some('\r'),
            b't' => Some('\t'),
            b'/' => self.require(Notation::Json).map(|()| '/'),
            b'\'' => self.require(Notation::Python).map(|()| '\''),
            b'u' => self.unicode(),
            _ => None,
        }
    }

    /// A character by its number; none by half of a surrogate pair, of which each notation makes its own.
    fn unicode(&mut self) -> Option<char> {
        let digits = self.text.get(self.at..self.at + 4)?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        self.at += 4;
        char::from_u32(u32::from_str_radix(digits, 16).ok()?)
    }

    fn number(&mut self) -> Option<Bound<'py, PyAny>> {
        let start = self.at;
        self.eat(b'-');
        self.digits().filter(|digits| *digits == "0" || !digits.starts_with('0'))?;
        let is_float = matches!(self.peek(), Some(b'.' | b'e' | b'E'));
        if self.eat(b'.') {
            self.digits()?;
        }
        if self.eat(b'e') || self.eat(b'E') {
            let _ = self.eat(b'+') || self.eat(b'-');
            self.digits()?;
        }
        let text = self.text.get(start..self.at)?;
        if is_float {
            return Some(PyFloat::new(self.py, text.parse().ok()?).into_any());
        }
        // Python bounds the digits of longer ones.
        Some(PyInt::new(self.py, text.parse::<i64>().ok()?).into_any())
    }

    fn digits(&mut self) -> Option<&'a str> {
        let start = self.at;
        self.skip_while(|byte| byte.is_ascii_digit());
        self.text.get(start..self.at).filter(|digits| !digits.is_empty())
    }

    fn word(&mut self) -> Option<Bound<'py, PyAny>> {
        let start = self.at;
        self.skip_while(|byte| byte.is_ascii_alphanumeric());
        let bool = |value| PyBool::new(self.py, value).to_owned().into_any();
        let (notation, value) = match self.text.get(start..self.at)? {
            "true" => (Notation::Json, bool(true)),
            "false" => (Notation::Json, bool(false)),
            "null" => (Notation::Json, self.py.None().into_bound(self.py)),
            "True" => (Notation::Python, bool(true)),
            "False" => (Notation::Python, bool(false)),
            "None" => (Notation::Python, self.py.None().into_bound(self.py)),
            _ => return None,
        };
        self.require(notation)?;
        Some(value)
    }
}

#[cfg(test)]
mod tests;
