//! Where a question is answered, and where the calls that it is about run.

/// Where a page sends its confirmation.
pub(crate) const PATH: &str = "/_owt/confirm";

/// Where calls run, in words for people.
#[derive(Debug, Clone, Default)]
pub(crate) struct Place {
    pub(crate) python: String,
    pub(crate) folder: String,
}
