//! One call: what is run, and on which request.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::{Digest, Error, FileName, Headers, KeepAlive, codec};

/// One call of one adaptor, ready to run.
#[derive(Clone, PartialEq, Eq)]
pub struct Call {
    /// What to run.
    pub code: Code,
    /// The text of the arguments, decoded but not evaluated.
    pub kwargs: Option<String>,
    /// The lock of the packages that the code names.
    pub lock: Option<Arc<str>>,
    /// The function to call.
    pub fn_name: String,
    /// The file that the code is from, for tracebacks and logs.
    pub file_name: Option<FileName>,
    /// Whether to load the adaptor anew.
    pub reload: bool,
    /// Whether its sender has said that it may run twice.
    pub retry: bool,
    /// How long the call may run, if its sender set a limit.
    pub timeout: Option<Duration>,
    /// The pool that it is for, if its sender has named one.
    pub pool: Option<String>,
    /// How long its adaptor stays loaded, if its sender has said so.
    pub keep_alive: Option<KeepAlive>,
    /// Where its arguments come from.
    pub entry: Entry,
    /// What picks its worker instead of the digest of its code.
    pub home: Option<Digest>,
    /// Under which key the result is cached; `None` if it is not.
    pub cache: Option<CachePolicy>,
    /// The request that the adaptor sees.
    pub request: Request,
}

impl fmt::Debug for Call {
    /// Leaves out everything that may hold code, arguments or credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("code", &self.code)
            .field("timeout", &self.timeout)
            .field("request", &self.request)
            .finish_non_exhaustive()
    }
}

/// What a call does with its function, and where the arguments come from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Entry {
    /// It is called with the arguments of the envelope.
    #[default]
    Envelope,
    /// It is called as a named endpoint: with what path, query and body have under the names of its
    /// parameters. These are the parts of the path, decoded.
    Endpoint(Vec<(String, String)>),
    /// It is not called, but described: its parameters and what it returns, as JSON.
    Description,
}

/// The key under which a result is cached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CachePolicy {
    /// Whether the key includes the arguments.
    pub with_kwargs: bool,
    /// The whole key, instead of one made from path and code.
    pub key: Option<String>,
}

/// The code of a call.
#[derive(Clone, PartialEq, Eq)]
pub enum Code {
    /// Source that came with the request.
    Source(Source),
    /// Source that the server has been sent before.
    Known(Digest),
}

impl Code {
    /// Code from its source.
    ///
    /// A byte order mark at its start is not part of it, so that a file has the same digest however
    /// an editor saved it.
    ///
    /// # Examples
    ///
    /// ```
    /// use owt_core::{Code, Digest};
    ///
    /// assert_eq!(Code::source("\u{feff}1 + 1").digest(), Digest::of("1 + 1"));
    /// ```
    #[must_use]
    pub fn source(text: &str) -> Code {
        // Every leading mark, not just one: the server trims the text again, and must get the same digest.
        let text = text.trim_start_matches('\u{feff}');
        Code::Source(Source { text: text.into(), digest: Digest::of(text) })
    }

    /// Code from base64 of its source.
    ///
    /// # Errors
    ///
    /// [`Error::CodeNotBase64`] or [`Error::CodeNotUtf8`].
    pub fn from_base64(text: &str) -> Result<Code, Error> {
        let bytes = codec::decode(text).map_err(Error::CodeNotBase64)?;
        let source = str::from_utf8(&bytes).map_err(Error::CodeNotUtf8)?;
        Ok(Code::source(source))
    }

    /// The digest that identifies the code.
    #[must_use]
    pub fn digest(&self) -> Digest {
        match self {
            Code::Source(source) => source.digest(),
            Code::Known(digest) => *digest,
        }
    }
}

impl fmt::Debug for Code {
    /// Shows the digest alone, because source must never reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Code({})", self.digest())
    }
}

/// An adaptor's source.
#[derive(Clone, PartialEq, Eq)]
pub struct Source {
    text: Arc<str>,
    digest: Digest,
}

impl Source {
    /// The source itself.
    #[must_use]
    pub fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// Its digest.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

/// A request as the adaptor sees it.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// The name of this request in logs and in `Owt-Request-Id`.
    pub id: String,
    /// The method, in capitals.
    pub method: String,
    /// `http` or `https`.
    pub scheme: String,
    /// The value of `Host`.
    pub host: String,
    /// The path, still percent-encoded.
    pub path: String,
    /// The query string, without its question mark.
    pub query: String,
    /// The caller's address.
    pub remote_addr: String,
    /// The headers, in order.
    pub headers: Headers,
    /// The body, or as much of it as has come when the call begins.
    pub body: Bytes,
    /// The parts of a multipart body.
    pub parts: Option<Vec<Part>>,
}

impl fmt::Debug for Request {
    /// Leaves out everything that may hold code, arguments or credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("id", &self.id)
            .field("method", &self.method)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// One part of a multipart body.
#[derive(Clone, PartialEq, Eq)]
pub struct Part {
    /// The field's name.
    pub name: String,
    /// The file's name, if the part is a file.
    pub filename: Option<String>,
    /// The part's media type, if it has one.
    pub content_type: Option<String>,
    /// What it holds.
    pub content: Content,
}

/// What a part of a multipart body holds.
#[derive(Clone, PartialEq, Eq)]
pub enum Content {
    /// The whole content.
    InMemory(Bytes),
    /// A file that is there as long as the call, because it is too large to be in memory.
    File(PathBuf),
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Part").field("content", &self.content).finish_non_exhaustive()
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Content::InMemory(bytes) => write!(f, "InMemory({} bytes)", bytes.len()),
            Content::File(_) => f.write_str("File"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_holds_nothing_secret() {
        let secret = || "secret".to_owned();
        let call = Call {
            code: Code::source("secret"),
            kwargs: Some(secret()),
            lock: Some("secret".into()),
            fn_name: secret(),
            file_name: FileName::new("secret.py"),
            reload: false,
            retry: false,
            timeout: None,
            pool: Some(secret()),
            keep_alive: None,
            entry: Entry::Envelope,
            home: None,
            cache: Some(CachePolicy { with_kwargs: false, key: Some(secret()) }),
            request: Request {
                id: "r1".to_owned(),
                method: "POST".to_owned(),
                scheme: "http".to_owned(),
                host: secret(),
                path: secret(),
                query: secret(),
                remote_addr: "127.0.0.1".to_owned(),
                headers: Headers::from_iter([("secret", "secret")]),
                body: Bytes::from_static(b"secret"),
                parts: Some(vec![]),
            },
        };
        let shown = format!(
            "Call {{ code: Code({}), timeout: None, request: Request {{ id: \"r1\", \
             method: \"POST\", body_bytes: 6, .. }}, .. }}",
            Digest::of("secret")
        );
        assert_eq!(format!("{call:?}"), shown);
    }
}
