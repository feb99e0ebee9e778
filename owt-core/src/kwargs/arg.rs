//! One argument of a command line.

use std::io;

use super::literal;
use super::value::{self, Value};

/// An argument cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ArgError {
    /// It is neither a named value nor a dict.
    #[error("{0:?} is neither name:value nor a dict")]
    Shape(String),
    /// The text before the separator is not an identifier.
    #[error("{0:?} cannot be the name of an argument")]
    Name(String),
    /// It begins like a dict, and does not end like one.
    #[error("{0:?} begins like a dict but does not end like one")]
    DictOpen(String),
    /// The file that holds its value cannot be read.
    #[error("cannot read {path:?} for the argument {name}")]
    File {
        /// The argument's name.
        name: String,
        /// The file.
        path: String,
        /// Why it cannot be read.
        source: io::Error,
    },
}

impl ArgError {
    pub(super) fn file(name: &str, path: &str, source: io::Error) -> ArgError {
        ArgError::File { name: name.to_owned(), path: path.to_owned(), source }
    }

    /// What to do about it, as the end of a sentence.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            ArgError::Shape(_) => "give arguments as name:value, name=value or {'name': 'value'}",
            ArgError::Name(_) => "give a key that is no Python name in a dict: {'a-key': 'value'}",
            ArgError::DictOpen(_) => "close it, and quote the whole for the shell: \"{'n': 3}\"",
            ArgError::File { source, .. } if source.kind() == io::ErrorKind::InvalidData => {
                "arguments are text; send a binary file as the body: --data @FILE"
            }
            ArgError::File { .. } => "double the @ to send text that begins with one: name:@@text",
        }
    }
}

/// An argument, read but not yet merged with others.
#[derive(Debug, PartialEq)]
pub(super) enum Arg<'a> {
    Value {
        name: String,
        value: Value,
    },
    File {
        name: &'a str,
        path: &'a str,
    },
    Dict(Vec<(String, Value)>),
    /// A dict that only Python can evaluate.
    Expression(String),
}

impl<'a> Arg<'a> {
    pub(super) fn parse(arg: &'a str) -> Result<Arg<'a>, ArgError> {
        // PowerShell puts a byte order mark before what it read from a file.
        let arg = arg.trim_start_matches('\u{feff}');
        if arg.trim_start().starts_with(['{', '<']) {
            return dict(arg.trim());
        }
        let Some((name, text)) = arg.split_once([':', '=']) else {
            return Err(ArgError::Shape(arg.to_owned()));
        };
        let name = name.trim();
        if !is_identifier(name) {
            return Err(ArgError::Name(name.to_owned()));
        }
        match text.strip_prefix('@') {
            Some(path) if !path.starts_with('@') => Ok(Arg::File { name, path }),
            Some(text) => Ok(Arg::Value { name: name.to_owned(), value: Value::text(text) }),
            None => Ok(Arg::Value { name: name.to_owned(), value: Value::read(text) }),
        }
    }
}

/// A whole dict. Angle brackets stand for braces, which are special to some shells.
fn dict(text: &str) -> Result<Arg<'_>, ArgError> {
    let inner = match text.split_at(1) {
        ("{", rest) => rest.strip_suffix('}'),
        (_, rest) => rest.strip_suffix('>'),
    };
    let Some(inner) = inner else {
        return Err(ArgError::DictOpen(text.to_owned()));
    };

    let text = format!("{{{inner}}}");
    let entries = value::json_entries(&text).or_else(|| literal::read_dict(&text));
    Ok(entries.map_or(Arg::Expression(text), Arg::Dict))
}

/// Whether a text is an identifier in Python, which has letters of all scripts.
fn is_identifier(name: &str) -> bool {
    name.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn value(name: &str, json: &str) -> Arg<'static> {
        Arg::Value { name: name.to_owned(), value: Value::Json(json.to_owned()) }
    }

    #[rstest]
    #[case::text("prompt:hello", "prompt", r#""hello""#)]
    #[case::equals_sign("prompt=hello", "prompt", r#""hello""#)]
    #[case::nothing("prompt:", "prompt", r#""""#)]
    #[case::url("url:http://x/?a=b", "url", r#""http://x/?a=b""#)]
    #[case::time("time:12:30", "time", r#""12:30""#)]
    #[case::equals_sign_first("a=b:c", "a", r#""b:c""#)]
    #[case::formula("formula:=A1+B2", "formula", r#""=A1+B2""#)]
    #[case::byte_order_mark("\u{feff}prompt:hello", "prompt", r#""hello""#)]
    #[case::date("day:2024-01-02", "day", r#""2024-01-02""#)]
    #[case::date_that_is_arithmetic("day:2024-10-12", "day", r#""2024-10-12""#)]
    #[case::date_with_slashes("day=12/10/2024", "day", r#""12/10/2024""#)]
    #[case::time_of_a_day("at=2024-10-12T10:20", "at", r#""2024-10-12T10:20""#)]
    #[case::number("n:3", "n", "3")]
    #[case::spaces("n : 3 ", "n", "3")]
    #[case::spaces_of_text("prompt: hello ", "prompt", r#"" hello ""#)]
    #[case::quoted("prompt:'hello'", "prompt", r#""hello""#)]
    #[case::number_as_text("n:'3'", "n", r#""3""#)]
    #[case::json_list("flags:[1,2]", "flags", "[1,2]")]
    #[case::name_in_another_script("größe:1", "größe", "1")]
    #[case::at_sign("to:@@me", "to", r#""@me""#)]
    #[case::at_sign_inside("to:me@host", "to", r#""me@host""#)]
    fn a_named_value_is_read(#[case] arg: &str, #[case] name: &str, #[case] json: &str) {
        assert_eq!(Arg::parse(arg).unwrap(), value(name, json));
    }

    #[rstest]
    #[case::file("text:@notes.txt", "notes.txt")]
    #[case::standard_input("text=@-", "-")]
    #[case::no_name("text:@", "")]
    fn a_file_is_named(#[case] arg: &str, #[case] path: &str) {
        assert_eq!(Arg::parse(arg).unwrap(), Arg::File { name: "text", path });
    }

    #[rstest]
    #[case::python("{'prompt':'x'}")]
    #[case::angle_brackets("<'prompt':'x'>")]
    #[case::json(r#"{"prompt":"x"}"#)]
    #[case::spaces_around(" {'prompt': 'x',} ")]
    #[case::byte_order_mark("\u{feff}{'prompt': 'x'}")]
    #[case::several_lines("{\n  'prompt': 'x', # words\n}")]
    fn a_whole_dict_is_read(#[case] arg: &str) {
        let entries = vec![("prompt".to_owned(), Value::Json(r#""x""#.to_owned()))];
        assert_eq!(Arg::parse(arg).unwrap(), Arg::Dict(entries));
    }

    #[rstest]
    #[case("{'cwd': os.getcwd()}", "{'cwd': os.getcwd()}")]
    #[case("<'cwd': os.getcwd()>", "{'cwd': os.getcwd()}")]
    #[case("{n: n * n for n in range(3)}", "{n: n * n for n in range(3)}")]
    #[case("{3: 'a key that is no text'}", "{3: 'a key that is no text'}")]
    #[case("{1, 2}", "{1, 2}")]
    fn a_dict_that_is_no_literal_is_passed_on(#[case] arg: &str, #[case] text: &str) {
        assert_eq!(Arg::parse(arg).unwrap(), Arg::Expression(text.to_owned()));
    }

    #[rstest]
    #[case::word("hello", r#""hello" is neither name:value nor a dict"#)]
    #[case::empty("", r#""" is neither name:value nor a dict"#)]
    #[case::no_name(":x", r#""" cannot be the name of an argument"#)]
    #[case::hyphen("a-b:x", r#""a-b" cannot be the name of an argument"#)]
    #[case::sentence("Well, now: what?", r#""Well, now" cannot be the name of an argument"#)]
    #[case::starts_with_a_digit("1a=2", r#""1a" cannot be the name of an argument"#)]
    #[case::open_dict("{'a': 1", r#""{'a': 1" begins like a dict but does not end like one"#)]
    #[case::lone_brace("{", r#""{" begins like a dict but does not end like one"#)]
    #[case::mixed("<'a': 1}", r#""<'a': 1}" begins like a dict but does not end like one"#)]
    fn another_form_is_refused(#[case] arg: &str, #[case] words: &str) {
        assert_eq!(Arg::parse(arg).unwrap_err().to_string(), words);
    }
}
