//! The fields of an envelope as one place of a request holds them, not yet understood.

mod json;
mod near_miss;

use std::borrow::Cow;
use std::time::Duration;

use crate::{Digest, Error, FileName, codec};

pub use near_miss::NearMiss;
use near_miss::near_miss;

/// How many fields that are not ours are compared with ours: a body may have any number of them.
const MAX_COMPARED: usize = 64;

/// How many near misses of one request are told.
const MAX_TOLD: usize = 4;

/// A field of the envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    CodeB64,
    CodeSha256,
    KwargsB64,
    FnName,
    UseCache,
    CacheKwargs,
    CacheKeyOverride,
    Timeout,
    Reload,
    Name,
}

impl Field {
    const ALL: [Field; 10] = [
        Field::CodeB64,
        Field::CodeSha256,
        Field::KwargsB64,
        Field::FnName,
        Field::UseCache,
        Field::CacheKwargs,
        Field::CacheKeyOverride,
        Field::Timeout,
        Field::Reload,
        Field::Name,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Field::CodeB64 => "code_b64",
            Field::CodeSha256 => "code_sha256",
            Field::KwargsB64 => "kwargs_b64",
            Field::FnName => "fn_name",
            Field::UseCache => "use_cache",
            Field::CacheKwargs => "cache_kwargs",
            Field::CacheKeyOverride => "cache_key_override",
            Field::Timeout => "timeout",
            Field::Reload => "reload",
            Field::Name => "name",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Field> {
        Some(match name {
            "code_b64" => Field::CodeB64,
            "code_sha256" => Field::CodeSha256,
            "kwargs_b64" => Field::KwargsB64,
            "fn_name" => Field::FnName,
            "use_cache" => Field::UseCache,
            "cache_kwargs" => Field::CacheKwargs,
            "cache_key_override" => Field::CacheKeyOverride,
            "timeout" => Field::Timeout,
            "reload" => Field::Reload,
            "name" => Field::Name,
            _ => return None,
        })
    }

    /// The error of a field that cannot be what it is.
    pub(crate) fn invalid(self, problem: &'static str) -> Error {
        Error::FieldInvalid { field: self.name(), problem }
    }
}

/// What a field was given: text, or what JSON has besides text.
#[derive(Debug, Clone, PartialEq)]
enum Value<'a> {
    Text(Cow<'a, str>),
    Flag(bool),
    Number(f64),
    Null,
    /// The text of an object, where that may be arguments.
    Object(&'a str),
    Compound,
}

/// The fields that one place holds.
#[derive(Debug, Default)]
pub(crate) struct Fields<'a> {
    values: [Option<Value<'a>>; Field::ALL.len()],
    /// A field that was there twice. It matters only if the place holds an envelope at all.
    twice: Option<Field>,
    name: Option<FileName>,
    /// An object under the name `kwargs`: the arguments, if there are no others.
    bare_kwargs: Option<&'a str>,
    near_misses: Vec<NearMiss>,
    compared: usize,
}

impl<'a> Fields<'a> {
    pub(crate) fn from_pairs(pairs: impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)>) -> Self {
        let mut fields = Fields::default();
        for (name, value) in pairs {
            match Field::from_name(&name) {
                Some(field) => fields.insert(field, Value::Text(value)),
                None => fields.pass_over(&name),
            }
        }
        fields
    }

    fn insert(&mut self, field: Field, value: Value<'a>) {
        if value == Value::Null {
            return;
        }
        if field == Field::Name {
            return self.offer_name(&value);
        }
        if self.values[field as usize].replace(value).is_some() {
            self.twice.get_or_insert(field);
        }
    }

    /// Takes the first name that a file may have. A handler may have other fields that are called so.
    fn offer_name(&mut self, value: &Value<'_>) {
        if let (None, Value::Text(text)) = (&self.name, value) {
            self.name = FileName::new(text);
        }
    }

    /// Takes note of a field that is not ours.
    fn pass_over(&mut self, name: &str) {
        self.compared += 1;
        if self.compared <= MAX_COMPARED && self.near_misses.len() < MAX_TOLD {
            self.near_misses.extend(near_miss(name));
        }
    }

    /// The fields that are not ours, but look as if they were meant to be.
    pub(crate) fn near_misses(&mut self) -> Vec<NearMiss> {
        if self.bare_kwargs.take().is_some() {
            self.pass_over("kwargs");
        }
        std::mem::take(&mut self.near_misses)
    }

    pub(crate) fn has(&self, field: Field) -> bool {
        self.values[field as usize].is_some()
    }

    pub(crate) fn given_twice(&self) -> Option<Field> {
        self.twice
    }

    fn take(&mut self, field: Field) -> Option<Value<'a>> {
        self.values[field as usize].take()
    }

    /// A field that takes any text.
    pub(crate) fn text(&mut self, field: Field) -> Result<Option<Cow<'a, str>>, Error> {
        match self.take(field) {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(_) => Err(field.invalid("takes text")),
        }
    }

    /// A field that takes true or false, and is false by default.
    pub(crate) fn flag(&mut self, field: Field) -> Result<bool, Error> {
        let flag = match self.take(field) {
            None => Some(false),
            Some(Value::Flag(flag)) => Some(flag),
            Some(Value::Text(text)) => flag_from_text(text.trim()),
            Some(_) => None,
        };
        flag.ok_or_else(|| field.invalid("takes true or false"))
    }

    /// A field that takes a length of time.
    pub(crate) fn seconds(&mut self, field: Field) -> Result<Option<Duration>, Error> {
        let seconds = match self.take(field) {
            None => return Ok(None),
            Some(Value::Number(number)) => Some(number),
            Some(Value::Text(text)) => text.trim().parse().ok(),
            Some(_) => None,
        };
        seconds
            .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
            .filter(|duration| !duration.is_zero())
            .map(Some)
            .ok_or_else(|| field.invalid("takes a positive number of seconds"))
    }

    pub(crate) fn digest(&mut self, field: Field) -> Result<Option<Digest>, Error> {
        let Some(text) = self.text(field)? else {
            return Ok(None);
        };
        let digest = text.trim().parse();
        digest.map(Some).map_err(|_| field.invalid("takes 64 hexadecimal digits"))
    }

    /// The source in `code_b64`.
    pub(crate) fn source(&mut self) -> Result<Option<String>, Error> {
        let Some(text) = self.text(Field::CodeB64)? else {
            return Ok(None);
        };
        let bytes = codec::decode(&text).map_err(Error::CodeNotBase64)?;
        let source = String::from_utf8(bytes);
        source.map(Some).map_err(|err| Error::CodeNotUtf8(err.utf8_error()))
    }

    /// The file that the code is from.
    pub(crate) fn file_name(&mut self) -> Option<FileName> {
        self.name.take()
    }

    /// The arguments' text in `kwargs_b64`, which may be there without any base64.
    pub(crate) fn kwargs(&mut self) -> Result<Option<String>, Error> {
        let text = match self.take(Field::KwargsB64) {
            None => return Ok(self.bare_kwargs.take().map(str::to_owned)),
            Some(Value::Object(json)) => return Ok(Some(json.to_owned())),
            Some(Value::Text(text)) => text,
            Some(_) => return Err(Field::KwargsB64.invalid("takes text or an object")),
        };
        if unmarked(&text).trim_start().starts_with(['{', '<']) {
            return Ok(Some(unmarked(&text).to_owned()));
        }
        let bytes = codec::decode(&text).map_err(Error::KwargsNotBase64)?;
        let kwargs =
            String::from_utf8(bytes).map_err(|err| Error::KwargsNotUtf8(err.utf8_error()))?;
        Ok(Some(unmarked(&kwargs).to_owned()).filter(|kwargs| !kwargs.trim().is_empty()))
    }
}

/// Text without the byte order mark that some editors and shells of Windows put before it.
fn unmarked(text: &str) -> &str {
    text.trim_start_matches('\u{feff}')
}

fn flag_from_text(text: &str) -> Option<bool> {
    const TRUE: [&str; 4] = ["true", "1", "yes", "on"];
    const FALSE: [&str; 4] = ["false", "0", "no", "off"];
    let is_one_of = |words: [&str; 4]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    match (is_one_of(TRUE), is_one_of(FALSE)) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    }
}
