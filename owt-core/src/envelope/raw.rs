//! The fields of an envelope as a JSON body, a form or a query has them, before they are validated.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use super::Field;
use super::near_miss::{NearMiss, near_miss};
use super::value::{FieldKind, FieldValue};
use crate::{Digest, Error, FileName, codec};

/// How many unknown fields are compared with the known ones: a body may have any number of them.
const MAX_COMPARED: usize = 64;

/// The name under which a JSON body may have the arguments as an object, beside `kwargs_b64`.
pub(super) const KWARGS_OBJECT: &str = "kwargs";

/// How many near misses of one request are reported.
const MAX_REPORTED: usize = 4;

/// A field's value as it was sent: text, or what JSON has besides text.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Raw<'a> {
    Text(Cow<'a, str>),
    Flag(bool),
    Number(f64),
    Null,
    /// The text of an object, where that may be arguments.
    Object(&'a str),
    /// An array, or an object elsewhere.
    Other,
}

/// The fields of one body or query.
#[derive(Debug, Default)]
pub(super) struct RawFields<'a> {
    values: [Option<Raw<'a>>; Field::ALL.len()],
    /// A field that was given twice. That is an error only if there is an envelope.
    duplicate: Option<Field>,
    name: Option<FileName>,
    /// The object under [`KWARGS_OBJECT`]: the arguments, if there is no `kwargs_b64`.
    pub(super) kwargs_object: Option<&'a str>,
    near_misses: Vec<NearMiss>,
    compared: usize,
}

impl<'a> RawFields<'a> {
    pub(super) fn from_pairs(pairs: impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)>) -> Self {
        let mut fields = RawFields::default();
        for (name, value) in pairs {
            match Field::from_name(&name) {
                Some(field) => fields.insert(field, Raw::Text(value)),
                None => fields.note_unknown(&name),
            }
        }
        fields
    }

    pub(super) fn insert(&mut self, field: Field, value: Raw<'a>) {
        if value == Raw::Null {
            return;
        }
        if field.kind() == FieldKind::FileName {
            return self.keep_name(&value);
        }
        if self.values[field as usize].replace(value).is_some() {
            self.duplicate.get_or_insert(field);
        }
    }

    /// Keeps the first name that is a file's. A handler may have fields of its own with this name.
    fn keep_name(&mut self, value: &Raw<'_>) {
        if let (None, Raw::Text(text)) = (&self.name, value) {
            self.name = FileName::new(text);
        }
    }

    /// Compares an unknown field with the known ones.
    pub(super) fn note_unknown(&mut self, name: &str) {
        self.compared += 1;
        if self.compared <= MAX_COMPARED && self.near_misses.len() < MAX_REPORTED {
            self.near_misses.extend(near_miss(name));
        }
    }

    /// The unknown fields that resemble a known one.
    pub(super) fn near_misses(&mut self) -> Vec<NearMiss> {
        if self.kwargs_object.take().is_some() {
            self.note_unknown(KWARGS_OBJECT);
        }
        std::mem::take(&mut self.near_misses)
    }

    pub(super) fn has(&self, field: Field) -> bool {
        self.values[field as usize].is_some()
    }

    pub(super) fn duplicate(&self) -> Option<Field> {
        self.duplicate
    }

    fn take(&mut self, field: Field) -> Option<Raw<'a>> {
        self.values[field as usize].take()
    }

    /// A field that takes any text.
    pub(super) fn text(&mut self, field: Field) -> Result<Option<Cow<'a, str>>, Error> {
        let Some(raw) = self.take(field) else { return Ok(None) };
        raw.text().map(Some).ok_or_else(|| field.invalid("takes text"))
    }

    /// The value of a field, if it is there.
    pub(super) fn value(&mut self, field: Field) -> Result<Option<FieldValue<'a>>, Error> {
        let Some(raw) = self.take(field) else { return Ok(None) };
        let value = match field.kind() {
            FieldKind::Flag => raw.flag().map(FieldValue::Flag),
            FieldKind::Seconds => raw.seconds().map(FieldValue::Duration),
            FieldKind::KeepAlive => raw.text_or_number().map(FieldValue::Text),
            _ => raw.text().map(FieldValue::Text),
        };
        value.map(Some).ok_or_else(|| field.invalid(field.kind().mismatch().0))
    }

    pub(super) fn digest(&mut self, field: Field) -> Result<Option<Digest>, Error> {
        let Some(text) = self.text(field)? else {
            return Ok(None);
        };
        let digest = text.trim().parse();
        digest.map(Some).map_err(|_| field.invalid(field.kind().mismatch().0))
    }

    /// The lock in `lock_b64`.
    pub(super) fn lock(&mut self) -> Result<Option<Arc<str>>, Error> {
        let Some(text) = self.text(Field::LockB64)? else { return Ok(None) };
        let bytes = codec::decode(&text).map_err(|_| Field::LockB64.invalid("is not base64"))?;
        let lock = String::from_utf8(bytes).map_err(|_| Field::LockB64.invalid("is not UTF-8"))?;
        Ok(Some(lock).filter(|lock| !lock.trim().is_empty()).map(Arc::from))
    }

    /// The file that the code is from.
    pub(super) fn file_name(&mut self) -> Option<FileName> {
        self.name.take()
    }

    /// The text of the arguments: that of `kwargs_b64`, which need not be base64, or of the object.
    pub(super) fn kwargs(&mut self) -> Result<Option<String>, Error> {
        let text = match self.take(Field::KwargsB64) {
            None => return Ok(self.kwargs_object.take().map(str::to_owned)),
            Some(Raw::Object(json)) => return Ok(Some(json.to_owned())),
            Some(Raw::Text(text)) => text,
            Some(_) => return Err(Field::KwargsB64.invalid(FieldKind::Kwargs.mismatch().0)),
        };
        if without_bom(&text).trim_start().starts_with(['{', '<']) {
            return Ok(Some(without_bom(&text).to_owned()));
        }
        let bytes = codec::decode(&text).map_err(Error::KwargsNotBase64)?;
        let kwargs =
            String::from_utf8(bytes).map_err(|err| Error::KwargsNotUtf8(err.utf8_error()))?;
        let plain = without_bom(&kwargs);
        let kwargs = if plain.len() == kwargs.len() { kwargs } else { plain.to_owned() };
        Ok(Some(kwargs).filter(|kwargs| !kwargs.trim().is_empty()))
    }
}

impl<'a> Raw<'a> {
    fn text(self) -> Option<Cow<'a, str>> {
        match self {
            Raw::Text(text) => Some(text),
            _ => None,
        }
    }

    fn text_or_number(self) -> Option<Cow<'a, str>> {
        match self {
            Raw::Number(number) => Some(number.to_string().into()),
            other => other.text(),
        }
    }

    fn flag(self) -> Option<bool> {
        match self {
            Raw::Flag(flag) => Some(flag),
            Raw::Text(text) => flag_from_text(text.trim()),
            _ => None,
        }
    }

    /// A duration that is not zero.
    fn seconds(self) -> Option<Duration> {
        let seconds = match self {
            Raw::Number(number) => number,
            Raw::Text(text) => text.trim().parse().ok()?,
            _ => return None,
        };
        Duration::try_from_secs_f64(seconds).ok().filter(|duration| !duration.is_zero())
    }
}

/// Text without the byte order mark that some editors and shells of Windows add.
fn without_bom(text: &str) -> &str {
    text.trim_start_matches('\u{feff}')
}

fn flag_from_text(text: &str) -> Option<bool> {
    const TRUE: [&str; 4] = ["true", "1", "yes", "on"];
    const FALSE: [&str; 4] = ["false", "0", "no", "off"];
    let is_one_of = |names: [&str; 4]| names.iter().any(|name| text.eq_ignore_ascii_case(name));
    match (is_one_of(TRUE), is_one_of(FALSE)) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    }
}
