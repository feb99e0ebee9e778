//! An adaptor: the Python that a call brings.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

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
    /// The lock of its packages.
    lock: Option<Arc<str>>,
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
        Adaptor { code: Code::source(source), name: None, lock: None }
    }

    /// The same adaptor with a lock of its packages, as `uv lock --script` writes it: the server installs
    /// these very versions.
    #[must_use]
    pub fn with_lock(self, lock: &str) -> Adaptor {
        Adaptor { lock: Some(lock.into()), ..self }
    }

    /// An envelope with nothing but this adaptor in it.
    pub(crate) fn envelope(&self) -> Envelope {
        Envelope {
            name: self.name.clone(),
            lock: self.lock.clone(),
            ..Envelope::new(self.code.clone())
        }
    }

    /// An adaptor from a file, which is read at once, with the lock of its packages if that lies beside it
    /// (`FILE.lock`). Tracebacks name the file.
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
                let mut lock = path.as_os_str().to_owned();
                lock.push(".lock");
                let lock = std::fs::read_to_string(lock).ok().map(Arc::from);
                Ok(Adaptor { name, lock, ..Adaptor::from_source(&source) })
            }
            Err(source) => Err(Error::Adaptor { path: path.to_owned(), source }),
        }
    }
}
