//! Limits on what one request brings, each with its default.

use actix_web::http::header::HeaderMap;
use actix_web::http::{Method, Uri};
use owt_core::kwargs::{Extent, is_in_brackets};
use owt_core::{Error, owtify};
use serde_json::Value;

use super::connection::{MAX_HEAD, MAX_HEADERS, MAX_TARGET};
use super::headers::url_len;

/// How large requests may be, besides their bodies.
#[derive(Debug, Clone, Copy)]
pub struct RequestLimits {
    /// The most bytes of a head; no more than [`MAX_HEAD`](Self::MAX_HEAD).
    pub head: usize,
    /// The most headers; no more than [`MAX_HEADERS`](Self::MAX_HEADERS).
    pub headers: usize,
    /// The most bytes of a URL's path and query; no more than [`MAX_URL`](Self::MAX_URL).
    pub url: usize,
    /// The most fields of a query or an urlencoded form.
    pub fields: usize,
    /// The most parts of a multipart form.
    pub parts: usize,
    /// The most requests that one connection of HTTP/2 may have under way.
    pub streams: usize,
    /// How deep the brackets of arguments may nest.
    pub nesting: usize,
    /// The most bytes of memory that arguments may take once they are read. It holds only where they are
    /// data: an expression may take any.
    pub kwargs: Option<u64>,
}

impl Default for RequestLimits {
    fn default() -> Self {
        Self {
            head: Self::MAX_HEAD,
            headers: Self::MAX_HEADERS,
            url: owtify::MAX_URL,
            fields: 10_000,
            parts: 10_000,
            streams: 256,
            // As deep as Python's own parser lets brackets nest.
            nesting: 200,
            kwargs: Some(256 << 20),
        }
    }
}

impl RequestLimits {
    /// The longest head that actix-web reads over HTTP/1.
    pub const MAX_HEAD: usize = MAX_HEAD;

    /// How many headers actix-web reads over HTTP/1.
    pub const MAX_HEADERS: usize = MAX_HEADERS;

    /// The longest target that fits into a `Uri`.
    pub const MAX_URL: usize = MAX_TARGET;

    /// As adaptors see them in `owt.args`, by the names of the command line.
    pub(crate) fn to_args(self) -> [(&'static str, Value); 8] {
        [
            ("max_head", self.head.into()),
            ("max_headers", self.headers.into()),
            ("max_url", self.url.into()),
            ("max_fields", self.fields.into()),
            ("max_parts", self.parts.into()),
            ("max_streams", self.streams.into()),
            ("max_nesting", self.nesting.into()),
            ("max_kwargs", self.kwargs.into()),
        ]
    }

    /// Checks the head of a request, whichever HTTP it came by. What is beyond the limits of actix-web
    /// does not come as far as this.
    pub(super) fn check_head(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Result<(), Error> {
        let url = url_len(uri);
        if url > self.url {
            return Err(Error::UrlTooLong { limit: self.url as u64 });
        }
        // As HTTP/1.1 writes it.
        let mut bytes = method.as_str().len() + url + " HTTP/1.1\r\n\r\n".len() + 1;
        let mut count = 0;
        for (name, value) in headers {
            bytes += name.as_str().len() + value.len() + ": \r\n".len();
            count += 1;
        }
        match () {
            () if count > self.headers => Err(Error::TooManyHeaders { limit: self.headers }),
            () if bytes > self.head => Err(Error::HeadTooLarge { limit: self.head as u64 }),
            () => Ok(()),
        }
    }

    /// Checks a query or an urlencoded form.
    pub(super) fn check_fields(&self, text: &[u8]) -> Result<(), Error> {
        // Most are shorter than so many fields could be.
        let is_short = text.len() < self.fields;
        let count = || text.split(|byte| *byte == b'&').filter(|field| !field.is_empty()).count();
        match is_short || count() <= self.fields {
            true => Ok(()),
            false => Err(Error::TooManyFields { limit: self.fields }),
        }
    }

    /// Checks the arguments of a call.
    pub(super) fn check_kwargs(&self, kwargs: Option<&str>) -> Result<(), Error> {
        let Some(kwargs) = kwargs else { return Ok(()) };
        let may_nest = kwargs.len() > self.nesting && is_in_brackets(kwargs);
        if !may_nest && self.kwargs.is_none() {
            return Ok(());
        }
        let extent = Extent::of(kwargs);
        if may_nest && extent.depth > self.nesting {
            return Err(Error::KwargsTooDeep { limit: self.nesting });
        }
        match self.kwargs.filter(|limit| extent.memory(kwargs, *limit) > *limit) {
            Some(limit) => Err(Error::KwargsTooLarge { limit }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};
    use rstest::rstest;

    use super::*;

    fn code(checked: Result<(), Error>) -> &'static str {
        checked.map_or_else(|err| err.code(), |()| "fine")
    }

    #[rstest]
    #[case::all(63, 3, 8, "fine")]
    #[case::head(62, 3, 8, "head-too-large")]
    #[case::headers(63, 2, 8, "head-too-large")]
    #[case::url(63, 3, 7, "url-too-long")]
    fn a_head_is_checked_to_the_byte(
        #[case] head: usize,
        #[case] headers: usize,
        #[case] url: usize,
        #[case] expected: &str,
    ) {
        const HEAD: &str =
            "GET /?abcdef HTTP/1.1\r\nhost: localhost\r\na: b\r\na: 1234567890\r\n\r\n";
        assert_eq!(HEAD.len(), 63);
        let mut map = HeaderMap::new();
        for (name, value) in [("host", "localhost"), ("a", "b"), ("a", "1234567890")] {
            map.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        let limits = RequestLimits { head, headers, url, ..RequestLimits::default() };
        let uri = Uri::from_static("/?abcdef");
        assert_eq!(code(limits.check_head(&Method::GET, &uri, &map)), expected);
    }

    #[rstest]
    #[case("", "fine")]
    #[case("a&b=1", "fine")]
    #[case("&&a&&b&&", "fine")]
    #[case("a&b&c", "too-many-fields")]
    fn fields_are_counted(#[case] text: &str, #[case] expected: &str) {
        let limits = RequestLimits { fields: 2, ..RequestLimits::default() };
        assert_eq!(code(limits.check_fields(text.as_bytes())), expected);
    }

    #[rstest]
    #[case::flat("{'a': [1, 2, 3]}", false, "fine")]
    #[case::deep("{'a': [[1]]}", false, "kwargs-invalid")]
    #[case::deep_json(r#"{"a": [[1]]}"#, true, "kwargs-invalid")]
    #[case::deep_and_angled("<'a': [[[1]]]>", false, "kwargs-invalid")]
    #[case::words("such words ((((((", false, "fine")]
    #[case::large("[1,1,1,1,1,1,1]", false, "fine")]
    #[case::large_data("[1,1,1,1,1,1,1]", true, "fine")]
    #[case::large_literal("(1,1,1,1,1,1,1)", true, "kwargs-too-large")]
    #[case::large_text("'0123456789 0123456789 0123456789 0123456789'", true, "fine")]
    fn arguments_are_checked(#[case] kwargs: &str, #[case] is_data: bool, #[case] expected: &str) {
        let limits = RequestLimits {
            nesting: 2,
            kwargs: is_data.then_some(5000),
            ..RequestLimits::default()
        };
        let kwargs = Some(kwargs.to_owned());
        assert_eq!(code(limits.check_kwargs(kwargs.as_deref())), expected);
    }
}
