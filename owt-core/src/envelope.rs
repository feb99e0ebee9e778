//! The envelope: the part of a request that says what to run.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::field::{Field, Fields, NearMiss};
use crate::{Cache, Call, Code, Error, FileName, Request};

/// The function that is called by default.
pub const DEFAULT_FN_NAME: &str = "run";

/// What a request says about the code that it wants run.
///
/// It is in one place of the request: the JSON body, the form or the query. Each constructor reads
/// one of these, and gives `None` if no code is there: then the place belongs to the handler.
#[derive(Clone, PartialEq, Eq)]
pub struct Envelope {
    /// What to run.
    pub code: Code,
    /// The arguments' text, decoded but not evaluated.
    pub kwargs: Option<String>,
    /// The function to call.
    pub fn_name: String,
    /// Whether the result is kept, and may come from an earlier call.
    pub use_cache: bool,
    /// Whether the cache's key includes the arguments.
    pub cache_kwargs: bool,
    /// The cache's whole key.
    pub cache_key_override: Option<String>,
    /// How long the call may run.
    pub timeout: Option<Duration>,
    /// Whether to load the adaptor anew.
    pub reload: bool,
    /// The file that the code is from. It changes neither what is run nor where a result is kept.
    pub name: Option<FileName>,
    /// Fields beside these that are not ours, but look as if they were meant to be.
    pub near_misses: Vec<NearMiss>,
}

impl fmt::Debug for Envelope {
    /// Leaves out everything that may hold code or arguments.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Envelope").field("code", &self.code).finish_non_exhaustive()
    }
}

impl Envelope {
    /// Whether a field of this name belongs to envelopes, even if it was sent as a file.
    ///
    /// # Examples
    ///
    /// ```
    /// use owt_core::Envelope;
    ///
    /// assert!(Envelope::has_field("code_b64"));
    /// assert!(!Envelope::has_field("photo"));
    /// ```
    #[must_use]
    pub fn has_field(name: &str) -> bool {
        Field::from_name(name).is_some_and(|field| field != Field::Name)
    }

    /// An envelope with nothing but code in it.
    #[must_use]
    pub fn new(code: Code) -> Envelope {
        Envelope {
            code,
            kwargs: None,
            fn_name: DEFAULT_FN_NAME.to_owned(),
            use_cache: false,
            cache_kwargs: false,
            cache_key_override: None,
            timeout: None,
            reload: false,
            name: None,
            near_misses: Vec::new(),
        }
    }

    /// Reads a JSON body. One without anything in it holds no envelope.
    ///
    /// # Errors
    ///
    /// [`Error::BodyNotJson`], that of a field that cannot be what it is, or
    /// [`Error::FieldUnknown`] if there is no code, but a field that looks like one of ours.
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
        match body.trim_ascii_start().first() {
            None => return Ok(None),
            Some(b'{') => {}
            Some(_) => return from_slice::<IgnoredAny>(body).map(|_| None),
        }
        Envelope::from_fields(from_slice(body)?)
    }

    /// Reads the fields of a form, whichever way they were sent.
    ///
    /// # Errors
    ///
    /// As [`from_json`](Envelope::from_json) has them.
    pub fn from_pairs<'a>(
        pairs: impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)>,
    ) -> Result<Option<Envelope>, Error> {
        Envelope::from_fields(Fields::from_pairs(pairs))
    }

    /// Reads a query string, without its question mark.
    ///
    /// # Errors
    ///
    /// As [`from_json`](Envelope::from_json) has them.
    pub fn from_query(query: &str) -> Result<Option<Envelope>, Error> {
        Envelope::from_form(query.as_bytes())
    }

    /// Reads an `application/x-www-form-urlencoded` body.
    ///
    /// # Errors
    ///
    /// As [`from_json`](Envelope::from_json) has them.
    pub fn from_form(body: &[u8]) -> Result<Option<Envelope>, Error> {
        Envelope::from_pairs(form_urlencoded::parse(body))
    }

    fn from_fields(mut fields: Fields<'_>) -> Result<Option<Envelope>, Error> {
        if !fields.has(Field::CodeB64) && !fields.has(Field::CodeSha256) {
            return match fields.near_misses().into_iter().next() {
                None => Ok(None),
                Some(near_miss) => Err(Error::FieldUnknown(near_miss)),
            };
        }
        if let Some(field) = fields.given_twice() {
            return Err(field.invalid("is given twice"));
        }
        Ok(Some(Envelope {
            code: code(&mut fields)?,
            kwargs: fields.kwargs()?,
            fn_name: fn_name(&mut fields)?,
            use_cache: fields.flag(Field::UseCache)?,
            cache_kwargs: fields.flag(Field::CacheKwargs)?,
            cache_key_override: fields.text(Field::CacheKeyOverride)?.map(Cow::into_owned),
            timeout: fields.seconds(Field::Timeout)?,
            reload: fields.flag(Field::Reload)?,
            name: fields.file_name(),
            near_misses: fields.near_misses(),
        }))
    }

    /// The call that this envelope and the request around it make.
    #[must_use]
    pub fn into_call(self, request: Request) -> Call {
        let cache = self
            .use_cache
            .then_some(Cache { with_kwargs: self.cache_kwargs, key: self.cache_key_override });
        Call {
            code: self.code,
            kwargs: self.kwargs,
            fn_name: self.fn_name,
            name: self.name,
            reload: self.reload,
            timeout: self.timeout,
            cache,
            request,
        }
    }
}

fn from_slice<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Error> {
    serde_json::from_slice(body).map_err(|err| Error::BodyNotJson(Arc::new(err)))
}

/// The code, by its source if that is there. A digest beside it has to be the source's.
fn code(fields: &mut Fields<'_>) -> Result<Code, Error> {
    let digest = fields.digest(Field::CodeSha256)?;
    let Some(source) = fields.source()? else {
        return digest.map(Code::Known).ok_or(Error::CodeMissing);
    };
    let code = Code::source(&source);
    match digest {
        Some(digest) if digest != code.digest() => {
            Err(Field::CodeSha256.invalid("is not the digest of code_b64"))
        }
        _ => Ok(code),
    }
}

fn fn_name(fields: &mut Fields<'_>) -> Result<String, Error> {
    match fields.text(Field::FnName)? {
        None => Ok(DEFAULT_FN_NAME.to_owned()),
        Some(name) if name.is_empty() => Err(Field::FnName.invalid("takes a function's name")),
        Some(name) => Ok(name.into_owned()),
    }
}
