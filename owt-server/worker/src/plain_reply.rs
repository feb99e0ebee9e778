//! Turns what most handlers return into a reply without Python: text, bytes, and JSON of plain values. Anything else,
//! and whatever may not be what it seems, is left to `owt/_reply.py`, which says what a value becomes.
//!
//! JSON is, byte by byte, what the encoder of `owt/_json.py` writes.

use std::borrow::Cow;

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyInt, PyList, PyString};

/// How deep values may nest, so that none of them exhausts the stack.
const MAX_DEPTH: usize = 32;

// As in `owt/_body.py`.
const TEXT: &str = "text/plain; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";
const BINARY: &str = "application/octet-stream";
const JSON: &str = "application/json";

/// A whole reply with the status 200.
pub(super) struct PlainReply<'a> {
    pub(super) content_type: &'static str,
    pub(super) body: Cow<'a, [u8]>,
}

impl<'a> PlainReply<'a> {
    /// The reply for a value, if it is of one of these exact types, and not longer than `max_bytes`.
    pub(super) fn of(value: &'a Bound<'_, PyAny>, max_bytes: usize) -> Option<Self> {
        let reply = Self::of_any_length(value, max_bytes)?;
        (reply.body.len() <= max_bytes).then_some(reply)
    }

    fn of_any_length(value: &'a Bound<'_, PyAny>, max_bytes: usize) -> Option<Self> {
        if let Ok(text) = value.cast_exact::<PyString>() {
            // UTF-8 has no lone surrogates.
            let text = text.to_str().ok()?;
            let content_type = if text.starts_with('<') { HTML } else { TEXT };
            return Some(Self { content_type, body: Cow::Borrowed(text.as_bytes()) });
        }
        if let Ok(bytes) = value.cast_exact::<PyBytes>() {
            return Some(Self { content_type: BINARY, body: Cow::Borrowed(bytes.as_bytes()) });
        }
        // Nothing is no JSON here, but an empty reply.
        if value.is_none() {
            return None;
        }
        let mut json = Json { text: Vec::with_capacity(128), max_bytes };
        json.write(value, MAX_DEPTH)?;
        Some(Self { content_type: JSON, body: Cow::Owned(json.text) })
    }
}

/// JSON that is being written. Each part is `None` if it is not beyond doubt how, or if it is too long already.
struct Json {
    text: Vec<u8>,
    max_bytes: usize,
}

impl Json {
    fn write(&mut self, value: &Bound<'_, PyAny>, depth: usize) -> Option<()> {
        if let Ok(text) = value.cast_exact::<PyString>() {
            return self.write_text(text);
        }
        if let Ok(number) = value.cast_exact::<PyInt>() {
            return self.write_number(number.extract().ok()?);
        }
        if let Ok(dict) = value.cast_exact::<PyDict>() {
            return self.write_dict(dict, depth.checked_sub(1)?);
        }
        if let Ok(list) = value.cast_exact::<PyList>() {
            return self.write_list(list, depth.checked_sub(1)?);
        }
        let word: &[u8] = match value.cast_exact::<PyBool>() {
            Ok(bool) if bool.is_true() => b"true",
            Ok(_) => b"false",
            Err(_) if value.is_none() => b"null",
            Err(_) => return None,
        };
        self.text.extend_from_slice(word);
        Some(())
    }

    fn write_dict(&mut self, dict: &Bound<'_, PyDict>, depth: usize) -> Option<()> {
        self.text.push(b'{');
        for (index, (key, value)) in dict.iter().enumerate() {
            self.separate(index)?;
            self.write_text(key.cast_exact::<PyString>().ok()?)?;
            self.text.push(b':');
            self.write(&value, depth)?;
        }
        self.text.push(b'}');
        Some(())
    }

    fn write_list(&mut self, list: &Bound<'_, PyList>, depth: usize) -> Option<()> {
        self.text.push(b'[');
        for (index, value) in list.iter().enumerate() {
            self.separate(index)?;
            self.write(&value, depth)?;
        }
        self.text.push(b']');
        Some(())
    }

    /// Writes what is before an item.
    fn separate(&mut self, index: usize) -> Option<()> {
        if index > 0 {
            self.text.push(b',');
        }
        (self.text.len() <= self.max_bytes).then_some(())
    }

    fn write_number(&mut self, number: i64) -> Option<()> {
        use std::io::Write as _;

        write!(self.text, "{number}").ok()
    }

    fn write_text(&mut self, text: &Bound<'_, PyString>) -> Option<()> {
        let mut rest = text.to_str().ok()?.as_bytes();
        self.text.push(b'"');
        while let Some(position) = rest.iter().position(|byte| is_escaped(*byte)) {
            self.text.extend_from_slice(&rest[..position]);
            self.write_escape(rest[position]);
            rest = &rest[position + 1..];
        }
        self.text.extend_from_slice(rest);
        self.text.push(b'"');
        Some(())
    }

    fn write_escape(&mut self, byte: u8) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let letter = match byte {
            b'"' | b'\\' => byte,
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            b'\x08' => b'b',
            b'\x0c' => b'f',
            _ => {
                self.text.extend_from_slice(b"\\u00");
                let digit = |half: u8| DIGITS[usize::from(half)];
                return self.text.extend_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
            }
        };
        self.text.extend_from_slice(&[b'\\', letter]);
    }
}

fn is_escaped(byte: u8) -> bool {
    byte < b' ' || byte == b'"' || byte == b'\\'
}

#[cfg(test)]
mod tests;
