//! Why a request could not be answered.

mod kind;

use std::str::Utf8Error;
use std::sync::Arc;
use std::time::Duration;

use base64::DecodeError;
use serde::{Deserialize, Serialize};
use strum::{EnumDiscriminants, EnumIter, IntoStaticStr};

use crate::{Digest, NearMiss};

/// Words of owt's own. By this name, because serde takes what is borrowed for a part of its input.
type Word = &'static str;

/// Why owt answers a request itself, instead of the adaptor.
///
/// An error's code is its name in kebab case, unless it shares another's code. Its status is in the
/// table of [`ErrorKind::status`], its sentence in that of [`Error::sentence`], and `docs/errors.md`
/// has a row for each code.
///
/// `Display` is for logs and never holds anything that a client sent; [`Error::sentence`] is for the
/// person who sent the request.
///
/// One owt tells another by serde what came of a call that it ran for it. What is refused before a call
/// runs is not told so.
#[derive(Debug, Clone, thiserror::Error, EnumDiscriminants, Serialize, Deserialize)]
#[strum_discriminants(
    name(ErrorKind),
    derive(Hash, EnumIter, IntoStaticStr),
    strum(serialize_all = "kebab-case"),
    doc = "Which [`Error`] it is."
)]
pub enum Error {
    /// No part of the request holds code.
    #[error("code is missing")]
    CodeMissing,
    /// No part of the request holds code, and its body is JSON whose `Content-Type` does not say so.
    #[error("code is missing, and the body is JSON that does not say so")]
    #[strum_discriminants(strum(to_string = "code-missing"))]
    JsonUntyped,
    /// No part of the request holds code, and no named endpoint is at its path.
    #[error("code is missing, and no endpoint is at this path")]
    #[strum_discriminants(strum(to_string = "code-missing"))]
    NoEndpoint {
        /// The path of the nearest that there is.
        nearest: Box<str>,
    },
    /// `code_b64` is not base64.
    #[error("code is not base64")]
    #[serde(skip)]
    CodeNotBase64(#[source] DecodeError),
    /// `code_b64` decodes to bytes that are not UTF-8.
    #[error("code is not UTF-8")]
    #[serde(skip)]
    CodeNotUtf8(#[source] Utf8Error),
    /// `kwargs_b64` is not base64.
    #[error("arguments are not base64")]
    #[serde(skip)]
    KwargsNotBase64(#[source] DecodeError),
    /// The arguments are neither JSON nor a Python expression; with the worker's message.
    #[error("arguments cannot be read")]
    KwargsInvalid(String),
    /// `kwargs_b64` decodes to bytes that are not UTF-8.
    #[error("arguments are not UTF-8")]
    #[strum_discriminants(strum(to_string = "kwargs-invalid"))]
    #[serde(skip)]
    KwargsNotUtf8(#[source] Utf8Error),
    /// A field of the envelope has an invalid value.
    #[error("field {field} {problem}")]
    #[serde(skip)]
    FieldInvalid {
        /// The field's name.
        field: Word,
        /// What is wrong, as the end of a sentence that begins with the field.
        problem: Word,
    },
    /// No part of the request holds code, but an unknown field resembles one of the envelope's.
    #[error("field is unknown")]
    #[serde(skip)]
    FieldUnknown(NearMiss),
    /// The body is not JSON, though its `Content-Type` says so.
    #[error("body is not JSON")]
    #[serde(skip)]
    BodyNotJson(#[source] Arc<serde_json::Error>),
    /// The body ended early, or its transfer coding is invalid.
    #[error("body is incomplete")]
    BodyIncomplete,
    /// There is no room on disk for the files of a form.
    #[error("no room for the files of the body")]
    StorageFull,
    /// The request is not valid HTTP/1.1.
    #[error("request is invalid: {0}")]
    #[serde(skip)]
    RequestInvalid(Word),
    /// The head of the request is longer than this many bytes.
    #[error("head is longer than {limit} bytes")]
    HeadTooLarge {
        /// The most bytes that a head may have.
        limit: u64,
    },
    /// The request has more headers than this.
    #[error("head has more than {limit} headers")]
    #[strum_discriminants(strum(to_string = "head-too-large"))]
    TooManyHeaders {
        /// The most headers that a request may have.
        limit: usize,
    },
    /// The client's address has more connections than this already.
    #[error("address has {limit} connections")]
    TooManyConnections {
        /// The most connections that an address may have.
        limit: usize,
    },
    /// The connection has more requests under way than this.
    #[error("connection has {limit} streams")]
    TooManyStreams {
        /// The most requests that a connection of HTTP/2 may have under way.
        limit: usize,
    },
    /// The query or the form has more fields than this.
    #[error("more than {limit} fields")]
    TooManyFields {
        /// The most fields that a query or a form may have.
        limit: usize,
    },
    /// The multipart form has more parts than this.
    #[error("more than {limit} parts")]
    TooManyParts {
        /// The most parts that a form may have.
        limit: usize,
    },
    /// The arguments nest deeper than this.
    #[error("arguments nest deeper than {limit}")]
    #[strum_discriminants(strum(to_string = "kwargs-invalid"))]
    KwargsTooDeep {
        /// How deep arguments may nest.
        limit: usize,
    },
    /// The arguments would take more memory than this.
    #[error("arguments would take more than {limit} bytes of memory")]
    KwargsTooLarge {
        /// How many bytes of memory arguments may take.
        limit: u64,
    },
    /// The head of the request did not arrive in time.
    #[error("head took longer than {limit:?}")]
    HeadTimeout {
        /// How long it may take.
        limit: Duration,
    },
    /// The body stalled for this long.
    #[error("body stalled for {limit:?}")]
    BodyTimeout {
        /// How long a body may stall.
        limit: Duration,
    },
    /// The caller has to authenticate.
    #[error("authentication is required")]
    AuthRequired,
    /// A web page of another site made the request.
    #[error("request comes from another site")]
    CrossSite,
    /// A link runs code that this server has not run before, and nobody has confirmed it.
    #[error("call has to be confirmed")]
    ConfirmationRequired,
    /// The `Host` header, given here, names another server.
    #[error("host is not allowed")]
    HostNotAllowed(String),
    /// The `Origin` header, given here, is not one of those allowed.
    #[error("origin is not allowed")]
    OriginNotAllowed(String),
    /// A signed URL was changed, or signed with another key.
    #[error("signature is invalid")]
    SignatureInvalid,
    /// A signed URL is too old.
    #[error("signature has expired")]
    SignatureExpired,
    /// Source was named by a digest that this server does not know.
    #[error("code {0} is unknown")]
    CodeUnknown(Digest),
    /// The server runs approved code only, and not this.
    #[error("code {0} is not approved")]
    CodeNotApproved(Digest),
    /// The server runs approved code only, and a lock came with it.
    #[error("lock of the code is not approved")]
    #[strum_discriminants(strum(to_string = "code-not-approved"))]
    LockNotApproved,
    /// The server runs approved code only, and not this function of it, given here.
    #[error("function of the code is not approved")]
    #[strum_discriminants(strum(to_string = "code-not-approved"))]
    FunctionNotApproved(String),
    /// The call is for a pool, given here, that this server does not have.
    #[error("pool is unknown")]
    PoolUnknown {
        /// The pool's name, as it was sent.
        name: Box<str>,
        /// The names of those that there are, with commas between them.
        known: Box<str>,
    },
    /// The path is that of a named endpoint, and the request brings code of its own.
    #[error("path is that of a named endpoint")]
    PathIsNamed,
    /// Nothing is at this path, and the server runs named endpoints only.
    #[error("endpoint is unknown")]
    EndpointUnknown,
    /// The named endpoint does not answer this method.
    #[error("method is not allowed")]
    MethodNotAllowed {
        /// The methods that it answers, with commas between them: the header `Allow`.
        allow: Box<str>,
    },
    /// The header `Owt-Request-Id` cannot be a request's id.
    #[error("request id is invalid")]
    RequestIdInvalid,
    /// Another call that has not ended has the id of `Owt-Request-Id`.
    #[error("request id is taken")]
    RequestIdTaken,
    /// No call with this id is running or waiting.
    #[error("call is unknown")]
    CallUnknown,
    /// No job with this id runs, and its reply is not kept.
    #[error("job is unknown")]
    JobUnknown,
    /// The job was one of a server that has been stopped or started anew since.
    #[error("job is lost")]
    JobLost,
    /// There are so many jobs that there can be no more.
    #[error("there are {limit} jobs already")]
    JobsFull {
        /// The most jobs that there may be.
        limit: usize,
    },
    /// There is no room for the reply of a job.
    #[error("reply of the job is too large")]
    JobTooLarge {
        /// The most bytes that are kept of the replies of all jobs.
        limit: u64,
    },
    /// Nothing is at this path under `/_owt/`.
    #[error("path is unknown")]
    PathUnknown,
    /// The body is longer than this many bytes.
    #[error("body is longer than {limit} bytes")]
    BodyTooLarge {
        /// The most bytes that a body may have.
        limit: u64,
    },
    /// What has to be held in memory, such as JSON, is longer than this many bytes.
    #[error("text of the body is longer than {limit} bytes")]
    #[strum_discriminants(strum(to_string = "body-too-large"))]
    TextTooLarge {
        /// The most bytes that it may have.
        limit: u64,
    },
    /// The URL is longer than this many bytes.
    #[error("URL is longer than {limit} bytes")]
    UrlTooLong {
        /// The most bytes that a URL may have.
        limit: u64,
    },
    /// The body's `Content-Type` cannot be understood.
    #[error("content type cannot be read")]
    ContentType,
    /// The source does not compile; with the worker's message.
    #[error("code is invalid")]
    CodeInvalid(String),
    /// The metadata block of the code, or the lock that came with it, cannot be used; with what is wrong, as
    /// a sentence.
    #[error("metadata of the code is invalid")]
    MetadataInvalid(String),
    /// What the code depends on cannot be installed; with the words of what installs it.
    #[error("dependencies cannot be installed")]
    DependenciesFailed(String),
    /// There is nothing on the server that installs dependencies.
    #[error("dependencies cannot be installed without uv")]
    DependenciesUnavailable,
    /// The source defines no handler; with the worker's message.
    #[error("code has no entry point")]
    EntryMissing(String),
    /// The arguments do not fit the handler's signature; with the worker's message.
    #[error("arguments do not fit the handler")]
    Arguments(String),
    /// The adaptor raised an exception: `TypeName: text` and its traceback.
    #[error("adaptor raised an exception")]
    AdaptorRaised(String),
    /// The adaptor returned a value that cannot be sent; with the worker's message.
    #[error("adaptor's reply cannot be sent")]
    ReplyInvalid(String),
    /// The worker that ran the call ended before it answered.
    #[error("worker died: {reason}")]
    WorkerDied {
        /// Why, in a few words.
        reason: String,
        /// How, as the end of a sentence that begins with the worker.
        how: String,
    },
    /// The owt that ran the call, a member of a pool, was lost before it had answered.
    #[error("member {member} was lost: {reason}")]
    MemberLost {
        /// Its name.
        member: Box<str>,
        /// Why, in a few words.
        reason: Box<str>,
    },
    /// There is no worker for the call, and none can be started, for this reason.
    #[error("no worker can be started")]
    WorkerUnavailable(String),
    /// No member of the pool takes calls; with what is known of each.
    #[error("no member takes calls")]
    #[strum_discriminants(strum(to_string = "worker-unavailable"))]
    NoMember(String),
    /// The memory for request bodies is used up, and did not become free in time.
    #[error("no room in memory for the body")]
    BuffersFull,
    /// The queue is full.
    #[error("queue is full")]
    QueueFull,
    /// The server is stopping.
    #[error("server is draining")]
    Draining,
    /// Somebody cancelled the call by its id.
    #[error("call was cancelled")]
    Cancelled,
    /// The call ran longer than it may.
    #[error("deadline of {limit:?} has passed")]
    Deadline {
        /// The call's time limit.
        limit: Duration,
    },
}

impl Error {
    /// The word by which programs tell errors apart: the value of `Owt-Error`.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(owt_core::Error::CodeMissing.code(), "code-missing");
    /// ```
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.kind().code()
    }

    /// The HTTP status that it is answered with.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.kind().status()
    }

    fn kind(&self) -> ErrorKind {
        self.into()
    }

    /// The error that a worker reports by its code, with its message.
    ///
    /// An unknown code counts as an exception of the adaptor.
    #[must_use]
    pub fn from_worker(code: &str, text: String) -> Error {
        match ErrorKind::from_code(code) {
            Some(ErrorKind::CodeInvalid) => Error::CodeInvalid(text),
            Some(ErrorKind::MetadataInvalid) => Error::MetadataInvalid(text),
            Some(ErrorKind::EntryMissing) => Error::EntryMissing(text),
            Some(ErrorKind::Arguments) => Error::Arguments(text),
            Some(ErrorKind::KwargsInvalid) => Error::KwargsInvalid(text),
            Some(ErrorKind::ReplyInvalid) => Error::ReplyInvalid(text),
            Some(ErrorKind::PathIsNamed) => Error::PathIsNamed,
            _ => Error::AdaptorRaised(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("code-invalid")]
    #[case("metadata-invalid")]
    #[case("entry-missing")]
    #[case("arguments")]
    #[case("kwargs-invalid")]
    #[case("adaptor-raised")]
    #[case("reply-invalid")]
    fn a_workers_error_keeps_its_code_and_text(#[case] code: &str) {
        let err = Error::from_worker(code, "SyntaxError: bad (line 3)".to_owned());
        assert_eq!((err.code(), err.sentence().as_str()), (code, "SyntaxError: bad (line 3)"));
    }

    #[test]
    fn a_workers_unknown_code_is_a_fault_of_the_adaptor() {
        let err = Error::from_worker("from-the-future", "words".to_owned());
        assert_eq!((err.code(), err.sentence().as_str()), ("adaptor-raised", "words"));
    }

    #[test]
    fn the_cause_is_the_source() {
        let cause = std::error::Error::source(&Error::CodeNotBase64(DecodeError::InvalidLength(5)))
            .map(ToString::to_string);
        assert_eq!(cause.as_deref(), Some("Invalid input length: 5"));
    }
}
