//! Arguments: parsing those of a command line, serializing those of a program.

mod arg;
mod extent;
mod literal;
mod value;

use std::io;

use serde::Serialize;

use arg::Arg;
pub use arg::ArgError;
pub use extent::{Extent, is_in_brackets};
use value::Value;

/// Arguments cannot be serialized.
#[derive(Debug, thiserror::Error)]
pub enum KwargsError {
    /// They are not a map.
    #[error("arguments are not a map of names to values")]
    NotAMap,
    /// They cannot be represented in JSON.
    #[error("arguments cannot be written as JSON")]
    NotJson(#[source] serde_json::Error),
}

/// The text of a program's arguments: JSON, or nothing if there are none.
///
/// # Errors
///
/// If they are not a map, or JSON cannot hold them. `()` counts as no arguments.
///
/// # Examples
///
/// ```
/// use std::collections::BTreeMap;
/// use owt_core::kwargs::to_kwargs_text;
///
/// let kwargs = BTreeMap::from([("prompt", "output SOTA results")]);
/// assert_eq!(to_kwargs_text(&kwargs)?, Some(r#"{"prompt":"output SOTA results"}"#.to_owned()));
/// assert_eq!(to_kwargs_text(&())?, None);
/// # Ok::<(), owt_core::kwargs::KwargsError>(())
/// ```
pub fn to_kwargs_text<T: Serialize + ?Sized>(kwargs: &T) -> Result<Option<String>, KwargsError> {
    let text = serde_json::to_string(kwargs).map_err(KwargsError::NotJson)?;
    match text.as_str() {
        "{}" | "null" => Ok(None),
        map if map.starts_with('{') => Ok(Some(text)),
        _ => Err(KwargsError::NotAMap),
    }
}

/// The text of arguments given on a command line, or nothing if there are none.
///
/// Each is `name:value`, `name=value` or a whole dict (`{'n': 3}`, `<'n': 3>` or JSON); a later one
/// replaces an earlier one of the same name. A value is JSON or a Python literal if it reads as one,
/// and text otherwise. `name:@path` is what `read` gives for the path, and `name:@@text` is text
/// that begins with an `@`.
///
/// The result is JSON if JSON can hold it, and a Python expression otherwise. A dict that is not a
/// literal, as in `{'cwd': os.getcwd()}`, is passed on for the server to evaluate.
///
/// # Errors
///
/// If an argument has another form, or `read` fails.
///
/// # Examples
///
/// ```
/// use owt_core::kwargs::from_args;
///
/// let no_files = |_: &str| unreachable!();
/// let text = |args: &[&str]| from_args(args, no_files).unwrap().unwrap();
/// assert_eq!(text(&["prompt:hello", "n=3"]), r#"{"prompt":"hello","n":3}"#);
/// assert_eq!(text(&["<'prompt': 'hello'>"]), r#"{"prompt":"hello"}"#);
/// assert_eq!(text(&["size:(3, 4)"]), r#"{"size": (3, 4)}"#);
/// assert_eq!(
///     text(&["{'cwd': os.getcwd()}", "deep:true"]),
///     r#"{**({'cwd': os.getcwd()}), "deep": True}"#
/// );
/// ```
pub fn from_args(
    args: &[impl AsRef<str>],
    mut read: impl FnMut(&str) -> io::Result<String>,
) -> Result<Option<String>, ArgError> {
    let mut merged = Merged::default();
    for arg in args {
        match Arg::parse(arg.as_ref())? {
            Arg::Value { name, value } => merged.insert(name, value),
            Arg::Dict(entries) => merged.extend(entries),
            Arg::Expression(text) => merged.pieces.push(Piece::Expression(text)),
            Arg::File { name, path } => match read(path) {
                Ok(text) => merged.insert(name.to_owned(), Value::text(&text)),
                Err(source) => return Err(ArgError::file(name, path, source)),
            },
        }
    }
    Ok(merged.into_text())
}

/// Arguments taken together, later ones last.
#[derive(Default)]
struct Merged {
    pieces: Vec<Piece>,
}

enum Piece {
    Entry(String, Value),
    Expression(String),
}

impl Merged {
    fn insert(&mut self, name: String, value: Value) {
        // Not replaced in place: an expression between the two may set the same name.
        self.pieces.retain(|piece| !matches!(piece, Piece::Entry(other, _) if *other == name));
        self.pieces.push(Piece::Entry(name, value));
    }

    fn extend(&mut self, entries: Vec<(String, Value)>) {
        for (name, value) in entries {
            self.insert(name, value);
        }
    }

    fn into_text(self) -> Option<String> {
        match &self.pieces[..] {
            [] => None,
            [Piece::Expression(text)] => Some(text.clone()),
            pieces => Some(json(pieces).unwrap_or_else(|| python(pieces))),
        }
    }
}

/// A JSON object, if all is JSON.
fn json(pieces: &[Piece]) -> Option<String> {
    let entry = |piece: &Piece| match piece {
        Piece::Entry(name, Value::Json(json)) => Some(format!("{}:{json}", value::quoted(name))),
        _ => None,
    };
    let entries: Vec<String> = pieces.iter().map(entry).collect::<Option<_>>()?;
    Some(format!("{{{}}}", entries.join(",")))
}

/// A Python dict.
fn python(pieces: &[Piece]) -> String {
    let entry = |piece: &Piece| match piece {
        Piece::Entry(name, value) => format!("{}: {}", value::quoted(name), value.to_python()),
        Piece::Expression(text) => format!("**({text})"),
    };
    let entries: Vec<String> = pieces.iter().map(entry).collect();
    format!("{{{}}}", entries.join(", "))
}
