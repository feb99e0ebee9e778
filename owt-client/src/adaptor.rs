//! An adaptor: the Python that a call brings.

use std::path::Path;

use owt_core::Code;

use crate::Error;

/// Python source that a server can run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adaptor {
    pub(crate) code: Code,
}

impl Adaptor {
    /// An adaptor by its source.
    #[must_use]
    pub fn from_source(source: &str) -> Adaptor {
        Adaptor { code: Code::source(source) }
    }

    /// An adaptor from a file.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or is not UTF-8.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Adaptor, Error> {
        let path = path.as_ref();
        match std::fs::read_to_string(path) {
            Ok(source) => Ok(Adaptor::from_source(&source)),
            Err(source) => Err(Error::Adaptor { path: path.to_owned(), source }),
        }
    }
}
