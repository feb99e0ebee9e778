//! The envelope: the part of a request that says what to run.
//!
//! The struct [`Envelope`] is generated in `fields.rs`, from the one list of its fields.

mod fields;
mod json;
mod near_miss;
mod raw;
mod setting;
mod value;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::de::IgnoredAny;

use crate::{CachePolicy, Call, Code, Entry, Error, Request};

pub use fields::{Envelope, Field};
pub use near_miss::NearMiss;
use raw::RawFields;
pub(crate) use value::format_seconds;
pub use value::{FieldKind, FieldValue, ValueInvalid};

/// Makes code of its base64.
pub type ReadCode<'a> = dyn Fn(&str) -> Result<Code, Error> + 'a;

/// The function that is called by default.
pub const DEFAULT_FN_NAME: &str = "run";

impl fmt::Debug for Envelope {
    /// Leaves out everything that may hold code or arguments.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Envelope").field("code", &self.code).finish_non_exhaustive()
    }
}

impl Envelope {
    /// Whether a part of a form with this name belongs to the envelope, even if it was sent as a file.
    ///
    /// `name` does not: handlers often have a field of their own with that name.
    ///
    /// # Examples
    ///
    /// ```
    /// use owt_core::Envelope;
    ///
    /// assert!(Envelope::has_field("code_b64"));
    /// assert!(!Envelope::has_field("photo"));
    /// assert!(!Envelope::has_field("name"));
    /// ```
    #[must_use]
    pub fn has_field(name: &str) -> bool {
        Field::from_name(name).is_some_and(|field| field.kind() != FieldKind::FileName)
    }

    /// Sets a field that is an [option](Field::is_option).
    ///
    /// # Errors
    ///
    /// If the value is of another kind than the field's, or the field is not an option.
    ///
    /// # Examples
    ///
    /// ```
    /// use owt_core::{Code, Envelope, Field, FieldValue};
    ///
    /// let mut envelope = Envelope::new(Code::source("1 + 1"));
    /// envelope.set(Field::Reload, FieldValue::Flag(true))?;
    /// assert_eq!(envelope, Envelope { reload: true, ..Envelope::new(Code::source("1 + 1")) });
    /// # Ok::<(), owt_core::ValueInvalid>(())
    /// ```
    pub fn set(&mut self, field: Field, value: FieldValue<'_>) -> Result<(), ValueInvalid> {
        match self.setting_mut(field) {
            Some(setting) => setting.set(value),
            None => Err(ValueInvalid("is not an option")),
        }
    }

    /// The value of an [option](Field::is_option), unless that is its default.
    #[must_use]
    pub fn get(&self, field: Field) -> Option<FieldValue<'_>> {
        self.setting(field)?.get()
    }

    /// Reads a JSON body. An empty body has no envelope.
    ///
    /// # Errors
    ///
    /// [`Error::BodyNotJson`], the error of an invalid field, or [`Error::FieldUnknown`] if there is no
    /// code, but an unknown field that resembles a known one.
    ///
    /// # Examples
    ///
    /// ```
    /// use owt_core::{Code, Envelope};
    ///
    /// let envelope = Envelope::from_json(br#"{"code_b64": "MSArIDE="}"#)?;
    /// assert_eq!(envelope, Some(Envelope::new(Code::source("1 + 1"))));
    /// assert_eq!(Envelope::from_json(b"[1, 2]")?, None);
    /// # Ok::<(), owt_core::Error>(())
    /// ```
    pub fn from_json(body: &[u8]) -> Result<Option<Envelope>, Error> {
        Envelope::from_json_with(body, &Code::from_base64)
    }

    /// The same for those who remember code: `read` stands in for [`Code::from_base64`].
    ///
    /// # Errors
    ///
    /// Those of [`from_json`](Envelope::from_json).
    pub fn from_json_with(body: &[u8], read: &ReadCode<'_>) -> Result<Option<Envelope>, Error> {
        match body.trim_ascii_start().first() {
            None => return Ok(None),
            Some(b'{') => {}
            Some(_) => {
                serde_json::from_slice::<IgnoredAny>(body).map_err(not_json)?;
                return Ok(None);
            }
        }
        let mut fields = RawFields::default();
        json::read(body, &mut fields).map_err(not_json)?;
        Envelope::from_fields(&mut fields, read)
    }

    /// Reads the fields of a form, whichever way they were sent.
    ///
    /// # Errors
    ///
    /// Those of [`from_json`](Envelope::from_json).
    pub fn from_pairs<'a>(
        pairs: impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)>,
    ) -> Result<Option<Envelope>, Error> {
        Envelope::from_fields(&mut RawFields::from_pairs(pairs), &Code::from_base64)
    }

    /// Reads a query string, without its question mark.
    ///
    /// # Errors
    ///
    /// Those of [`from_json`](Envelope::from_json).
    pub fn from_query(query: &str) -> Result<Option<Envelope>, Error> {
        Envelope::from_form(query.as_bytes())
    }

    /// The same for those who remember code: `read` stands in for [`Code::from_base64`].
    ///
    /// # Errors
    ///
    /// Those of [`from_json`](Envelope::from_json).
    pub fn from_query_with(query: &str, read: &ReadCode<'_>) -> Result<Option<Envelope>, Error> {
        let pairs = form_urlencoded::parse(query.as_bytes());
        Envelope::from_fields(&mut RawFields::from_pairs(pairs), read)
    }

    /// Reads an `application/x-www-form-urlencoded` body.
    ///
    /// # Errors
    ///
    /// Those of [`from_json`](Envelope::from_json).
    pub fn from_form(body: &[u8]) -> Result<Option<Envelope>, Error> {
        Envelope::from_pairs(form_urlencoded::parse(body))
    }

    fn from_fields(
        fields: &mut RawFields<'_>,
        read: &ReadCode<'_>,
    ) -> Result<Option<Envelope>, Error> {
        if !fields.has(Field::CodeB64) && !fields.has(Field::CodeSha256) {
            return match fields.near_misses().into_iter().next() {
                None => Ok(None),
                Some(near_miss) => Err(Error::FieldUnknown(near_miss)),
            };
        }
        if let Some(field) = fields.duplicate() {
            return Err(field.invalid("is given twice"));
        }
        let mut envelope = Envelope::new(code(fields, read)?);
        envelope.kwargs = fields.kwargs()?;
        envelope.lock = fields.lock()?;
        envelope.name = fields.file_name();
        for &field in Field::ALL.iter().filter(|field| field.is_option()) {
            if fields.has(field)
                && let Some(value) = fields.value(field)?
            {
                envelope.set(field, value).map_err(|err| field.invalid(err.0))?;
            }
        }
        envelope.near_misses = fields.near_misses();
        Ok(Some(envelope))
    }

    /// The call of this envelope on the request that brought it.
    #[must_use]
    pub fn into_call(self, request: Request) -> Call {
        let cache = self.use_cache.then_some(CachePolicy {
            with_kwargs: self.cache_kwargs,
            key: self.cache_key_override,
        });
        Call {
            code: self.code,
            kwargs: self.kwargs,
            lock: self.lock,
            fn_name: self.fn_name,
            file_name: self.name,
            reload: self.reload,
            retry: self.retry,
            timeout: self.timeout,
            pool: self.pool,
            keep_alive: self.keep_alive,
            entry: Entry::Envelope,
            home: None,
            cache,
            request,
        }
    }
}

fn not_json(err: serde_json::Error) -> Error {
    Error::BodyNotJson(Arc::new(err))
}

/// The code: its source, if that was sent. A digest that was sent with it must match it.
fn code(fields: &mut RawFields<'_>, read: &ReadCode<'_>) -> Result<Code, Error> {
    let digest = fields.digest(Field::CodeSha256)?;
    let Some(text) = fields.text(Field::CodeB64)? else {
        return digest.map(Code::Known).ok_or(Error::CodeMissing);
    };
    let code = read(&text)?;
    match digest {
        Some(digest) if digest != code.digest() => {
            Err(Field::CodeSha256.invalid("is not the digest of code_b64"))
        }
        _ => Ok(code),
    }
}
