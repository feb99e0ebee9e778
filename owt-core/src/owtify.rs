//! Envelopes as clients write them: in a URL, or as JSON.

use std::borrow::Cow;

use serde::{Serialize, Serializer};

use crate::base;
use crate::kwargs::{self, KwargsError};
use crate::{BaseInvalid, Code, Envelope, Field, FieldValue, codec};

/// The most bytes of path and query that a server takes. The crate http, which reads them there,
/// takes none of more than 65,534.
pub const MAX_URL: usize = 64_000;

/// Why a URL could not be made.
#[derive(Debug, thiserror::Error)]
pub enum OwtifyError {
    /// The base URL cannot be used.
    #[error(transparent)]
    Base(#[from] BaseInvalid),
    /// The arguments cannot be sent.
    #[error(transparent)]
    Kwargs(#[from] KwargsError),
    /// Path and query have more than [`MAX_URL`] bytes.
    #[error(
        "the URL is longer than the {MAX_URL} bytes that a server takes; send the call with POST \
         instead"
    )]
    TooLong,
}

impl OwtifyError {
    /// The code by which programs tell these errors apart, the same in every language.
    ///
    /// # Examples
    ///
    /// ```
    /// let err = owt_core::owtify("ftp://host", "1 + 1", &()).unwrap_err();
    /// assert_eq!(err.code(), "base-scheme");
    /// ```
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            OwtifyError::Base(BaseInvalid::Scheme) => "base-scheme",
            OwtifyError::Base(BaseInvalid::Host) => "base-host",
            OwtifyError::Base(BaseInvalid::Port) => "base-port",
            OwtifyError::Base(BaseInvalid::Query) => "base-query",
            OwtifyError::Kwargs(KwargsError::NotAMap) => "kwargs-not-a-map",
            OwtifyError::Kwargs(KwargsError::NotJson(_)) => "kwargs-not-json",
            OwtifyError::TooLong => "url-too-long",
        }
    }
}

/// Builds the URL that runs an adaptor's source with these arguments.
///
/// An [`Envelope`] and its [`to_url`](Envelope::to_url) do the same for every other field.
///
/// # Errors
///
/// If the base is not an HTTP URL, the arguments are not a map of names to values that JSON can hold, or the
/// URL is longer than a server takes.
///
/// # Examples
///
/// ```
/// use std::collections::BTreeMap;
///
/// let kwargs = BTreeMap::from([("n", 3)]);
/// let url = owt_core::owtify("localhost:9876", "def run(_, n): return n", &kwargs)?;
/// assert_eq!(
///     url,
///     "http://localhost:9876/?code_b64=ZGVmIHJ1bihfLCBuKTogcmV0dXJuIG4&kwargs_b64=eyJuIjozfQ"
/// );
/// # Ok::<(), owt_core::OwtifyError>(())
/// ```
pub fn owtify<T: Serialize + ?Sized>(
    base: &str,
    source: &str,
    kwargs: &T,
) -> Result<String, OwtifyError> {
    let kwargs = kwargs::to_kwargs_text(kwargs)?;
    let envelope = Envelope { kwargs, ..Envelope::new(Code::source(source)) };
    envelope.to_url(base)
}

impl Envelope {
    /// The URL that makes this call: the base with the envelope in its query.
    ///
    /// The base's own path, query and credentials are kept. One without a scheme is `http`.
    ///
    /// # Errors
    ///
    /// If the base is not an HTTP URL, or path and query have more than [`MAX_URL`] bytes.
    ///
    /// # Examples
    ///
    /// ```
    /// use owt_core::{Code, Digest, Envelope};
    ///
    /// let code = Code::Known(Digest::of("1 + 1"));
    /// let envelope = Envelope { fn_name: "main".to_owned(), ..Envelope::new(code) };
    /// assert_eq!(
    ///     envelope.to_url("https://me@host/path?x=1")?,
    ///     "https://me@host/path?x=1&code_sha256=\
    ///      72fce59447a01f488b1169d2d742679cfe306a89772d67fef018bcfe95431f68&fn_name=main"
    /// );
    /// # Ok::<(), owt_core::OwtifyError>(())
    /// ```
    pub fn to_url(&self, base: &str) -> Result<String, OwtifyError> {
        let url = base::with_query(base, &self.to_query())?;
        if base::target(&url).len() > MAX_URL {
            return Err(OwtifyError::TooLong);
        }
        Ok(url)
    }

    /// The envelope as a query string or an urlencoded form. Defaults are left out.
    #[must_use]
    pub fn to_query(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(self.fields(codec::encode_url).into_iter().map(as_text)).finish()
    }

    /// The envelope as the fields of a multipart form. Defaults are left out.
    ///
    /// # Examples
    ///
    /// ```
    /// use owt_core::{Code, Envelope};
    ///
    /// let envelope = Envelope { reload: true, ..Envelope::new(Code::source("1 + 1")) };
    /// let pairs: Vec<_> = envelope.to_pairs().collect();
    /// assert_eq!(pairs, [("code_b64", "MSArIDE=".to_owned()), ("reload", "true".to_owned())]);
    /// ```
    pub fn to_pairs(&self) -> impl Iterator<Item = (&'static str, String)> {
        let fields = self.fields(codec::encode_standard).into_iter();
        fields.map(|(name, value)| (name, value.into_text().into_owned()))
    }

    /// The envelope as a JSON body. Defaults are left out.
    ///
    /// # Examples
    ///
    /// ```
    /// use owt_core::{Code, Envelope};
    ///
    /// let envelope = Envelope { reload: true, ..Envelope::new(Code::source("1 + 1")) };
    /// assert_eq!(envelope.to_json(), r#"{"code_b64":"MSArIDE=","reload":true}"#);
    /// ```
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut json = Vec::new();
        serde_json::Serializer::new(&mut json)
            .collect_map(self.fields(codec::encode_standard))
            .expect("text, numbers and booleans are JSON");
        String::from_utf8(json).expect("JSON is UTF-8")
    }

    /// The fields that are not at their default, always in the same order.
    pub(crate) fn fields(
        &self,
        base64: fn(&[u8]) -> String,
    ) -> Vec<(&'static str, FieldValue<'_>)> {
        let code = match &self.code {
            Code::Source(source) => (Field::CodeB64, base64(source.text().as_bytes())),
            Code::Known(digest) => (Field::CodeSha256, digest.to_string()),
        };
        let mut fields = vec![(code.0.name(), FieldValue::Text(code.1.into()))];
        if let Some(text) = &self.kwargs {
            fields
                .push((Field::KwargsB64.name(), FieldValue::Text(base64(text.as_bytes()).into())));
        }
        if let Some(lock) = &self.lock {
            fields.push((Field::LockB64.name(), FieldValue::Text(base64(lock.as_bytes()).into())));
        }
        for &field in Field::ALL {
            fields.extend(self.get(field).map(|value| (field.name(), value)));
        }
        if let Some(name) = &self.name {
            fields.push((Field::Name.name(), FieldValue::Text(name.as_str().into())));
        }
        fields
    }
}

fn as_text<'a>((name, value): (&'static str, FieldValue<'a>)) -> (&'static str, Cow<'a, str>) {
    (name, value.into_text())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::FileName;

    #[test]
    fn no_arguments_leave_no_field() {
        let bare = "http://host/?code_b64=MQ";
        assert_eq!(owtify("host", "1", &()).unwrap(), bare);
        assert_eq!(owtify("host", "1", &json!({})).unwrap(), bare);
    }

    #[test]
    fn arguments_that_are_no_map_are_refused() {
        let err = owtify("host", "1", &[1, 2]).unwrap_err();
        assert_eq!(err.to_string(), "arguments are not a map of names to values");
    }

    #[test]
    fn every_field_is_written_in_order() {
        let envelope = Envelope {
            kwargs: Some("{\"q\":\"??>\"}".to_owned()),
            fn_name: "main".to_owned(),
            use_cache: true,
            cache_kwargs: true,
            cache_key_override: Some("a&b c".to_owned()),
            timeout: Some(Duration::from_millis(2500)),
            reload: true,
            retry: true,
            name: FileName::new("x.py"),
            ..Envelope::new(Code::source("x = '>>?'"))
        };
        assert_eq!(
            envelope.to_query(),
            "code_b64=eCA9ICc-Pj8n&kwargs_b64=eyJxIjoiPz8-In0&fn_name=main&use_cache=true\
             &cache_kwargs=true&cache_key_override=a%26b+c&timeout=2.5&reload=true&retry=true&name=x.py"
        );
        assert_eq!(
            envelope.to_json(),
            r#"{"code_b64":"eCA9ICc+Pj8n","kwargs_b64":"eyJxIjoiPz8+In0=","fn_name":"main","use_cache":true,"cache_kwargs":true,"cache_key_override":"a&b c","timeout":2.5,"reload":true,"retry":true,"name":"x.py"}"#
        );
    }
}
