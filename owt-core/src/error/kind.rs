//! What is the same for all errors of a kind: code, status, and whether the call may be made again.

use strum::IntoEnumIterator as _;

use super::ErrorKind;

impl ErrorKind {
    /// Every kind.
    pub fn all() -> impl Iterator<Item = ErrorKind> {
        ErrorKind::iter()
    }

    /// The kind that has this code, the value of `Owt-Error`. Where several share it, that is the first.
    ///
    /// # Examples
    ///
    /// ```
    /// use owt_core::ErrorKind;
    ///
    /// assert_eq!(ErrorKind::from_code("queue-full"), Some(ErrorKind::QueueFull));
    /// ```
    #[must_use]
    pub fn from_code(code: &str) -> Option<ErrorKind> {
        ErrorKind::all().find(|kind| kind.code() == code)
    }

    /// The code by which programs tell errors apart: the value of `Owt-Error`.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.into()
    }

    /// The HTTP status that it is answered with.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            ErrorKind::CodeMissing
            | ErrorKind::JsonUntyped
            | ErrorKind::NoEndpoint
            | ErrorKind::CodeNotBase64
            | ErrorKind::CodeNotUtf8
            | ErrorKind::KwargsNotBase64
            | ErrorKind::KwargsNotUtf8
            | ErrorKind::KwargsInvalid
            | ErrorKind::KwargsTooDeep
            | ErrorKind::FieldInvalid
            | ErrorKind::FieldUnknown
            | ErrorKind::BodyNotJson
            | ErrorKind::BodyIncomplete
            | ErrorKind::RequestInvalid
            | ErrorKind::RequestIdInvalid
            | ErrorKind::PathIsNamed => 400,
            ErrorKind::AuthRequired => 401,
            ErrorKind::CrossSite
            | ErrorKind::ConfirmationRequired
            | ErrorKind::HostNotAllowed
            | ErrorKind::OriginNotAllowed
            | ErrorKind::SignatureInvalid
            | ErrorKind::SignatureExpired
            | ErrorKind::CodeNotApproved
            | ErrorKind::LockNotApproved
            | ErrorKind::FunctionNotApproved => 403,
            ErrorKind::CodeUnknown
            | ErrorKind::PoolUnknown
            | ErrorKind::CallUnknown
            | ErrorKind::JobUnknown
            | ErrorKind::EndpointUnknown
            | ErrorKind::PathUnknown => 404,
            ErrorKind::MethodNotAllowed => 405,
            ErrorKind::HeadTimeout | ErrorKind::BodyTimeout => 408,
            // Not a 5xx, after which programs try again by themselves.
            ErrorKind::Cancelled | ErrorKind::RequestIdTaken => 409,
            ErrorKind::JobLost => 410,
            ErrorKind::BodyTooLarge
            | ErrorKind::TextTooLarge
            | ErrorKind::TooManyFields
            | ErrorKind::TooManyParts
            | ErrorKind::KwargsTooLarge => 413,
            ErrorKind::UrlTooLong => 414,
            ErrorKind::ContentType => 415,
            ErrorKind::CodeInvalid
            | ErrorKind::MetadataInvalid
            | ErrorKind::DependenciesFailed
            | ErrorKind::EntryMissing
            | ErrorKind::Arguments => 422,
            ErrorKind::TooManyConnections | ErrorKind::TooManyStreams => 429,
            ErrorKind::HeadTooLarge | ErrorKind::TooManyHeaders => 431,
            ErrorKind::AdaptorRaised | ErrorKind::ReplyInvalid => 500,
            ErrorKind::DependenciesUnavailable => 501,
            ErrorKind::WorkerDied | ErrorKind::MemberLost => 502,
            ErrorKind::BuffersFull
            | ErrorKind::QueueFull
            | ErrorKind::JobsFull
            | ErrorKind::Draining
            | ErrorKind::WorkerUnavailable
            | ErrorKind::NoMember => 503,
            ErrorKind::Deadline => 504,
            ErrorKind::StorageFull | ErrorKind::JobTooLarge => 507,
        }
    }

    /// Whether the adaptor has certainly not run, and a later try may fare better.
    #[must_use]
    pub fn is_safe_to_retry(self) -> bool {
        matches!(
            self,
            ErrorKind::BuffersFull
                | ErrorKind::QueueFull
                | ErrorKind::JobsFull
                | ErrorKind::TooManyConnections
                | ErrorKind::TooManyStreams
                | ErrorKind::Draining
                | ErrorKind::WorkerUnavailable
                | ErrorKind::NoMember
        )
    }
}
