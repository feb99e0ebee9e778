//! Strings and bytes as Python writes them.

use super::super::value::quoted;
use super::{Json, NotALiteral, Reader};

/// The letters before the quotes.
#[derive(Clone, Copy, PartialEq)]
struct Prefix {
    is_bytes: bool,
    is_raw: bool,
}

/// What an escape stands for.
enum Escape {
    Char(char),
    /// Nothing: a line that goes on.
    Nothing,
    /// No escape, but a backslash and this character.
    Backslash(char),
    /// Something that no Rust text can hold, or that only Python knows.
    Foreign,
}

impl Reader<'_> {
    /// One string, or several side by side, which are one.
    pub(super) fn strings(&mut self) -> Result<Json, NotALiteral> {
        let first = self.prefix().ok_or(NotALiteral)?;
        let mut text = self.string(first)?;
        loop {
            let end = self.at;
            self.skip_space();
            let Some(prefix) = self.prefix() else {
                self.at = end;
                return Ok(text.filter(|_| !first.is_bytes).map(|text| quoted(&text)));
            };
            if prefix.is_bytes != first.is_bytes {
                return Err(NotALiteral);
            }
            let more = self.string(prefix)?;
            text = text.zip(more).map(|(text, more)| text + &more);
        }
    }

    /// Passes over the letters before a quote.
    fn prefix(&mut self) -> Option<Prefix> {
        let rest = self.rest();
        let letters = &rest[..rest.find(['\'', '"']).filter(|end| *end <= 2)?];
        let prefix = match letters.to_ascii_lowercase().as_str() {
            "" | "u" => Prefix { is_bytes: false, is_raw: false },
            "r" => Prefix { is_bytes: false, is_raw: true },
            "b" => Prefix { is_bytes: true, is_raw: false },
            "br" | "rb" => Prefix { is_bytes: true, is_raw: true },
            _ => return None,
        };
        self.at += letters.len();
        Some(prefix)
    }

    /// A string from its opening quote on: its text, unless Rust cannot hold it.
    fn string(&mut self, prefix: Prefix) -> Result<Option<String>, NotALiteral> {
        let quote = self.quote()?;
        let mut text = Some(String::new());
        let mut push = |c: char| {
            if let Some(text) = &mut text {
                text.push(c);
            }
        };
        let mut is_foreign = false;
        while !self.eat(quote) {
            match self.next()? {
                '\\' => match self.escape(prefix)? {
                    Escape::Char(c) => push(c),
                    Escape::Nothing => {}
                    Escape::Backslash(c) => {
                        push('\\');
                        push(c);
                    }
                    Escape::Foreign => is_foreign = true,
                },
                '\n' | '\r' if quote.len() == 1 => return Err(NotALiteral),
                c if prefix.is_bytes && !c.is_ascii() => return Err(NotALiteral),
                c => push(c),
            }
        }
        Ok(text.filter(|_| !is_foreign))
    }

    fn quote(&mut self) -> Result<&'static str, NotALiteral> {
        let quotes = ["\"\"\"", "'''", "\"", "'"];
        quotes.into_iter().find(|quote| self.eat(quote)).ok_or(NotALiteral)
    }

    /// What follows a backslash.
    fn escape(&mut self, prefix: Prefix) -> Result<Escape, NotALiteral> {
        let c = self.next()?;
        if prefix.is_bytes && !c.is_ascii() {
            return Err(NotALiteral);
        }
        if prefix.is_raw {
            return Ok(Escape::Backslash(c));
        }
        match c {
            '\n' => return Ok(Escape::Nothing),
            '0'..='7' => return Ok(self.octal(c)),
            'x' => return self.hexadecimal(2),
            'u' if !prefix.is_bytes => return self.hexadecimal(4),
            'U' if !prefix.is_bytes => return self.hexadecimal(8),
            'N' if !prefix.is_bytes => return self.named(),
            _ => {}
        }
        Ok(simple(c).map_or(Escape::Backslash(c), Escape::Char))
    }

    fn octal(&mut self, first: char) -> Escape {
        let more = self.rest().bytes().take(2).take_while(|byte| matches!(byte, b'0'..=b'7'));
        let end = self.at + more.count();
        let digits = format!("{first}{}", &self.text[self.at..end]);
        self.at = end;
        char_escape(u32::from_str_radix(&digits, 8).ok())
    }

    fn hexadecimal(&mut self, digits: usize) -> Result<Escape, NotALiteral> {
        let digits = self.rest().get(..digits).ok_or(NotALiteral)?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(NotALiteral);
        }
        self.at += digits.len();
        let code = u32::from_str_radix(digits, 16).ok();
        if code.is_none_or(|code| code > u32::from(char::MAX)) {
            return Err(NotALiteral);
        }
        Ok(char_escape(code))
    }

    /// `\N{BULLET}`: whether there is a character of this name, Python knows.
    fn named(&mut self) -> Result<Escape, NotALiteral> {
        self.expect("{")?;
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == ' ' || c == '-';
        let end = self.rest().find(|c| !is_name(c)).ok_or(NotALiteral)?;
        self.at += end;
        self.expect("}")?;
        if end == 0 { Err(NotALiteral) } else { Ok(Escape::Foreign) }
    }
}

/// A character by its number. Half a surrogate pair is none.
fn char_escape(code: Option<u32>) -> Escape {
    code.and_then(char::from_u32).map_or(Escape::Foreign, Escape::Char)
}

fn simple(c: char) -> Option<char> {
    Some(match c {
        '\\' | '\'' | '"' => c,
        'a' => '\x07',
        'b' => '\x08',
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\x0b',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::super::{Value, read};

    #[rstest]
    #[case(r"''", "")]
    #[case(r"'it\'s'", "it's")]
    #[case(r#""it's""#, "it's")]
    #[case("'''a\n'b' \"c\"'''", "a\n'b' \"c\"")]
    #[case(r#""""a"b""""#, r#"a"b"#)]
    #[case(r"'\a\b\f\n\r\t\v\\'", "\x07\x08\x0c\n\r\t\x0b\\")]
    #[case(r"'\0\12\1234\x41\u00e9\U0001f600'", "\0\nS4Aé😀")]
    #[case(r"'\d \8'", r"\d \8")]
    #[case("'a\\\nb'", "ab")]
    #[case(r"r'\d\'s'", r"\d\'s")]
    #[case(r"R'\u00e9'", r"\u00e9")]
    #[case(r"u'é'", "é")]
    #[case(r#"'a' "b"  r'\c'"#, r"ab\c")]
    fn strings_are_read(#[case] text: &str, #[case] string: &str) {
        assert_eq!(read(text), Some(Value::text(string)));
    }

    #[rstest]
    #[case(r"b'\x00\xff\u00e9'")]
    #[case(
        r#"Rb"\d" b'''
    '''"#
    )]
    #[case(r"'\ud800'")]
    #[case(r"'\N{BULLET}' 'x'")]
    fn strings_that_only_python_can_hold(#[case] text: &str) {
        assert_eq!(read(text), Some(Value::Python(text.to_owned())));
    }

    #[rstest]
    #[case("'")]
    #[case("'a")]
    #[case(r"'a\'")]
    #[case("'a\nb'")]
    #[case("'''a''")]
    #[case("'a' b'b'")]
    #[case("'a' b")]
    #[case("f'a'")]
    #[case("ur'a'")]
    #[case("b'é'")]
    #[case(r"b'\xg0'")]
    #[case(r"'\x4'")]
    #[case(r"'\u00g0'")]
    #[case(r"'\x+1'")]
    #[case(r"'\U00110000'")]
    #[case(r"'\N'")]
    #[case(r"'\N{BULLET'")]
    #[case(r"'\N{}'")]
    #[case(r"'\N{a,b}'")]
    #[case("'a'x")]
    #[case("é'a'")]
    fn text_that_is_no_string(#[case] text: &str) {
        assert_eq!(read(text), None);
    }
}
