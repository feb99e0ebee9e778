//! Numbers as Python writes them.

use super::{Json, NotALiteral, Reader};

impl<'a> Reader<'a> {
    /// A number, or the sum of a real and an imaginary one.
    pub(super) fn number(&mut self) -> Result<Json, NotALiteral> {
        let sign = self.minus();
        let real = self.unsigned()?;
        let end = self.at;
        self.skip_space();
        if !real.is_imaginary() && (self.eat("+") || self.eat("-")) {
            self.skip_space();
            return if self.unsigned()?.is_imaginary() { Ok(None) } else { Err(NotALiteral) };
        }
        self.at = end;
        Ok(real.json().map(|digits| format!("{sign}{digits}")))
    }

    fn minus(&mut self) -> &'static str {
        if !self.eat("-") {
            return "";
        }
        self.skip_space();
        "-"
    }

    fn unsigned(&mut self) -> Result<Number, NotALiteral> {
        let text = self.number_text();
        self.at += text.len();
        classify(text).ok_or(NotALiteral)
    }

    /// All that may belong to a number: a sign does so only in an exponent.
    fn number_text(&self) -> &'a str {
        let rest = self.rest();
        let is_hexadecimal = rest.starts_with("0x") || rest.starts_with("0X");
        let mut last = ' ';
        let ends = |c: char| {
            let is_exponent_sign =
                (c == '-' || c == '+') && matches!(last, 'e' | 'E') && !is_hexadecimal;
            last = c;
            !(c.is_alphanumeric() || c == '.' || c == '_' || is_exponent_sign)
        };
        &rest[..rest.find(ends).unwrap_or(rest.len())]
    }
}

#[derive(Debug, PartialEq)]
enum Number {
    /// Decimal digits.
    Integer(String),
    Float(f64),
    /// An integer that is not decimal and has more bits than we read.
    Huge,
    Imaginary,
}

impl Number {
    fn is_imaginary(&self) -> bool {
        matches!(self, Number::Imaginary)
    }

    fn json(self) -> Json {
        match self {
            Number::Integer(digits) => Some(digits),
            Number::Float(float) => serde_json::Number::from_f64(float).map(|n| n.to_string()),
            Number::Huge | Number::Imaginary => None,
        }
    }
}

fn classify(text: &str) -> Option<Number> {
    if !has_lone_underscores(text) {
        return None;
    }
    let digits = text.replace('_', "").to_ascii_lowercase();
    if let Some(radix) = radix(&digits) {
        return integer(&digits[2..], radix);
    }
    match digits.strip_suffix('j') {
        Some(digits) => float(digits).map(|_| Number::Imaginary),
        None if digits.bytes().all(|byte| byte.is_ascii_digit()) => decimal(&digits),
        None => float(&digits).map(Number::Float),
    }
}

/// Whether each underscore stands between two digits, or between `0x` and one.
fn has_lone_underscores(text: &str) -> bool {
    let bytes = text.as_bytes();
    let prefix = if radix(&text.to_ascii_lowercase()).is_some() { 2 } else { 0 };
    let is_digit = |byte: Option<&u8>| {
        byte.is_some_and(|byte| byte.is_ascii_digit() || prefix > 0 && byte.is_ascii_hexdigit())
    };
    let underscores = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'_');
    underscores.into_iter().all(|(at, _)| {
        at > 0 && (at == prefix || is_digit(bytes.get(at - 1))) && is_digit(bytes.get(at + 1))
    })
}

fn radix(text: &str) -> Option<u32> {
    match text.get(..2)? {
        "0x" => Some(16),
        "0o" => Some(8),
        "0b" => Some(2),
        _ => None,
    }
}

fn integer(digits: &str, radix: u32) -> Option<Number> {
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    let value = u128::from_str_radix(digits, radix).map(|value| value.to_string());
    Some(value.map_or(Number::Huge, Number::Integer))
}

/// A decimal integer, which begins with a zero only if it is one.
fn decimal(digits: &str) -> Option<Number> {
    match digits.trim_start_matches('0') {
        "" if digits.is_empty() => None,
        "" => Some(Number::Integer("0".to_owned())),
        significant if significant.len() == digits.len() => {
            Some(Number::Integer(digits.to_owned()))
        }
        _ => None,
    }
}

fn float(digits: &str) -> Option<f64> {
    // Rust would take `inf` and `nan` as well.
    let is_number = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    if is_number { digits.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::super::{Value, read};

    #[rstest]
    #[case("0", "0")]
    #[case("00", "0")]
    #[case("-7", "-7")]
    #[case("- 7", "-7")]
    #[case("1_000_000", "1000000")]
    #[case("123456789012345678901234567890", "123456789012345678901234567890")]
    #[case("0x_fF", "255")]
    #[case("0xe", "14")]
    #[case("0o17", "15")]
    #[case("-0B101", "-5")]
    #[case("1.", "1.0")]
    #[case(".5", "0.5")]
    #[case("012.5", "12.5")]
    #[case("1_0.2_5e1_0", "102500000000.0")]
    #[case("-1E-3", "-0.001")]
    fn numbers_that_json_can_hold(#[case] text: &str, #[case] json: &str) {
        assert_eq!(read(text), Some(Value::Json(json.to_owned())));
    }

    #[rstest]
    #[case("1e999")]
    #[case("2j")]
    #[case("012J")]
    #[case("-1.5 - 2e3j")]
    #[case("0xffffffffffffffffffffffffffffffffff")]
    fn numbers_that_only_python_can_hold(#[case] text: &str) {
        assert_eq!(read(text), Some(Value::Python(text.to_owned())));
    }

    #[rstest]
    #[case("-")]
    #[case(".")]
    #[case("--1")]
    #[case("+1")]
    #[case("012")]
    #[case("0_1")]
    #[case("1__0")]
    #[case("_1")]
    #[case("1_")]
    #[case("1_.5")]
    #[case("1e_5")]
    #[case("1e")]
    #[case("0x")]
    #[case("0x_")]
    #[case("0x1g")]
    #[case("0b12")]
    #[case("1l")]
    #[case("1.2.3")]
    #[case("1-2")]
    #[case("1j+1")]
    #[case("1+-2j")]
    #[case("12:30")]
    #[case("2024-08-16")]
    #[case("٣")]
    #[case("1é")]
    fn text_that_is_no_number(#[case] text: &str) {
        assert_eq!(read(text), None);
    }
}
