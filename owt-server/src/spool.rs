//! Files of a form that are too large to be held: they lie in a folder of their own until their call
//! is over.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tokio::fs::File;
use tokio::runtime::Handle;

/// The files of one call.
#[derive(Debug)]
pub(crate) struct Spool {
    /// `None` only while it is dropped.
    folder: Option<TempDir>,
    files: usize,
}

impl Spool {
    /// Makes a folder within the server's own.
    pub(crate) async fn make(root: &Path) -> io::Result<Self> {
        let root = root.to_owned();
        let make = move || {
            // A cleaner of temporary files may have removed it.
            DirBuilder::new().recursive(true).mode(0o700).create(&root)?;
            tempfile::Builder::new().prefix("").tempdir_in(root)
        };
        let folder = tokio::task::spawn_blocking(make).await.map_err(io::Error::other)??;
        Ok(Self { folder: Some(folder), files: 0 })
    }

    /// Begins another file.
    pub(crate) async fn file(&mut self) -> io::Result<(PathBuf, File)> {
        let folder = self.folder.as_ref().expect("it is there until this is dropped");
        let path = folder.path().join(self.files.to_string());
        self.files += 1;
        Ok((path.clone(), File::create_new(path).await?))
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        let folder = self.folder.take();
        // To remove a large file takes a while, in which this thread would serve nobody.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn_blocking(move || drop(folder));
        }
    }
}
