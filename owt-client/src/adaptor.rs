//! An adaptor: the Python that a call brings.

use std::fmt;
use std::path::Path;

use owt_core::{Code, Envelope, FileName};

use crate::Error;

/// Python source that a server can run. Clones share the source, and `Debug` shows its digest alone.
///
/// # Examples
///
/// ```
/// use owt_client::Adaptor;
///
/// let adaptor = Adaptor::from_source("def run(_, prompt): return prompt.upper()");
/// assert!(!format!("{adaptor:?}").contains("prompt"));
/// ```
#[derive(Clone)]
pub struct Adaptor {
    code: Code,
    /// The file that it is from, if it is from one.
    name: Option<FileName>,
}

/// Adaptors are the same if their source is, wherever that is from.
impl PartialEq for Adaptor {
    fn eq(&self, other: &Adaptor) -> bool {
        self.code == other.code
    }
}

impl Eq for Adaptor {}

impl fmt::Debug for Adaptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Adaptor").field("code", &self.code).finish_non_exhaustive()
    }
}

impl Adaptor {
    /// An adaptor by its source.
    ///
    /// # Examples
    ///
    /// ```
    /// use owt_client::Adaptor;
    ///
    /// let adaptor = Adaptor::from_source("lambda n: n + 1");
    /// assert_eq!(adaptor, Adaptor::from_source("\u{feff}lambda n: n + 1"));
    /// ```
    #[must_use]
    pub fn from_source(source: &str) -> Adaptor {
        Adaptor { code: Code::source(source), name: None }
    }

    /// An envelope with nothing but this adaptor in it.
    pub(crate) fn envelope(&self) -> Envelope {
        Envelope { name: self.name.clone(), ..Envelope::new(self.code.clone()) }
    }

    /// An adaptor from a file, which is read at once. Tracebacks name the file.
    ///
    /// # Errors
    ///
    /// [`Error::Adaptor`] if the file cannot be read, or is not UTF-8.
    ///
    /// # Examples
    ///
    /// ```
    /// use owt_client::{Adaptor, Error};
    ///
    /// let path = std::env::temp_dir().join("owt-client-example.py");
    /// std::fs::write(&path, "lambda n: n + 1")?;
    /// assert_eq!(Adaptor::from_file(&path)?, Adaptor::from_source("lambda n: n + 1"));
    /// std::fs::remove_file(path)?;
    /// assert!(matches!(Adaptor::from_file("nothing.py"), Err(Error::Adaptor { .. })));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_file(path: impl AsRef<Path>) -> Result<Adaptor, Error> {
        let path = path.as_ref();
        match std::fs::read_to_string(path) {
            Ok(source) => {
                let name = path.file_name().and_then(|name| FileName::new(&name.to_string_lossy()));
                Ok(Adaptor { name, ..Adaptor::from_source(&source) })
            }
            Err(source) => Err(Error::Adaptor { path: path.to_owned(), source }),
        }
    }
}
