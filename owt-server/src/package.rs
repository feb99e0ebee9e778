//! The folder of a running server: the Python package `owt`, which the binary carries, and the
//! sources that child processes of adaptors may import.
//!
//! It is a real folder, so that tracebacks show real lines and any `python` can import `owt`.

use std::env;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use include_dir::{Dir, include_dir};
use parking_lot::Mutex;
use rustix::process::geteuid;
use tokio::time::sleep;

use crate::private::PrivateDir;

/// The package as the build script left it: sources, and what they compile to.
static PACKAGE: Dir<'_> = include_dir!("$OUT_DIR/owt");

/// How often it is looked whether the folder is still whole.
const LOOK: Duration = Duration::from_secs(10);

/// The private folders of a server, removed when this is dropped.
#[derive(Debug)]
pub(crate) struct RunDir {
    path: PathBuf,
    uploads_path: PathBuf,
    folders: Mutex<Folders>,
}

#[derive(Debug)]
struct Folders {
    home: PrivateDir,
    uploads: PrivateDir,
}

impl RunDir {
    /// Makes the folder and writes the package into it.
    pub(crate) fn make() -> io::Result<Self> {
        let home = PrivateDir::make(&homes(), "run-")?;
        // Not there, which is often memory, and these files are large.
        let uploads = PrivateDir::make(&temporary(), "uploads-")?;
        let (path, uploads_path) = (home.path().to_path_buf(), uploads.path().to_path_buf());
        let made = Self { path, uploads_path, folders: Mutex::new(Folders { home, uploads }) };
        made.restore()?;
        Ok(made)
    }

    /// Writes anew what is missing of the folders, as after a cleaner of old files.
    pub(crate) fn restore(&self) -> io::Result<()> {
        let mut folders = self.folders.lock();
        if folders.home.restore()? | folders.uploads.restore()? {
            tracing::warn!("somebody has removed {}: it is made again", self.path.display());
        }
        fs::create_dir_all(self.adaptors())?;
        write_missing(&PACKAGE, &self.package().join("owt"))
    }

    /// Keeps the folders whole. Never comes to an end.
    pub(crate) async fn keep(self: Arc<Self>) {
        loop {
            sleep(LOOK).await;
            if let Err(err) = self.clone().restore_in_background().await {
                tracing::error!("{} is not whole: {err}", self.path.display());
            }
        }
    }

    /// Writes anew what is missing, on a thread that may wait for a disk. It ends with its work: one
    /// of tokio's would be kept from one time to the next.
    pub(crate) async fn restore_in_background(self: Arc<Self>) -> io::Result<()> {
        let (done, restored) = tokio::sync::oneshot::channel();
        let restore = move || drop(done.send(self.restore()));
        std::thread::Builder::new().name("owt-restore".to_owned()).spawn(restore)?;
        restored.await.map_err(io::Error::other)?
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Where files that clients send are kept as long as their calls.
    pub(crate) fn uploads(&self) -> &Path {
        &self.uploads_path
    }

    /// What goes on `sys.path` so that `import owt` works.
    pub(crate) fn package(&self) -> PathBuf {
        self.path().join("python")
    }

    /// Where sources of adaptors are put.
    pub(crate) fn adaptors(&self) -> PathBuf {
        self.path().join("adaptors")
    }
}

/// Where the folder may be, the best first: the user's own places, which no cleaner of old files
/// touches (XDG Base Directory Specification), and the folder for temporary files.
fn homes() -> Vec<PathBuf> {
    let absolute = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let runtime = absolute("XDG_RUNTIME_DIR").filter(|path| path.is_dir());
    let cache = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")));
    let own = [runtime, cache].into_iter().flatten().filter(|path| is_ours(path));
    own.map(|path| path.join("owt")).chain(temporary()).collect()
}

/// Whether a folder belongs to this user or, where it is missing, the one that it would be made in:
/// with `sudo` these variables may still name another user's.
fn is_ours(path: &Path) -> bool {
    let found = path.ancestors().find_map(|path| fs::metadata(path).ok());
    found.is_some_and(|found| found.uid() == geteuid().as_raw())
}

/// Places in the folder for temporary files, which all users share: one of them could have made the
/// first before us.
fn temporary() -> Vec<PathBuf> {
    let base = env::temp_dir().join(format!("owt-{}", geteuid().as_raw()));
    let other = base.with_extension(fastrand::u64(..).to_string());
    vec![base, other]
}

/// Writes those files that are not there. Each is whole from the first moment on, since workers may
/// be reading.
fn write_missing(dir: &Dir<'_>, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for file in dir.files() {
        let path = to.join(file.path().file_name().expect("an embedded file has a name"));
        if fs::metadata(&path).is_ok_and(|found| found.len() == file.contents().len() as u64) {
            continue;
        }
        let unfinished = path.with_extension("unfinished");
        fs::write(&unfinished, file.contents())?;
        fs::rename(unfinished, path)?;
    }
    for folder in dir.dirs() {
        let name = folder.path().file_name().expect("an embedded folder has a name");
        write_missing(folder, &to.join(name))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::interpreter::MINOR;

    #[test]
    fn the_package_lies_in_a_private_folder_that_goes_with_its_owner() {
        let made = RunDir::make().unwrap();
        let path = made.path().to_path_buf();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        assert!(made.package().join("owt/__init__.py").is_file());
        let compiled = format!("owt/summat/__pycache__/__init__.cpython-3{MINOR}.pyc");
        assert!(made.package().join(compiled).is_file());
        drop(made);
        assert!(!path.exists());
    }

    #[test]
    fn what_a_cleaner_has_removed_is_written_anew() {
        let made = RunDir::make().unwrap();
        let file = made.package().join("owt/_worker.py");
        let before = fs::read(&file).unwrap();
        fs::remove_file(&file).unwrap();
        fs::remove_dir_all(made.adaptors()).unwrap();
        made.restore().unwrap();
        assert_eq!((fs::read(&file).unwrap(), made.adaptors().is_dir()), (before, true));
        for path in [made.path(), made.uploads()] {
            fs::remove_dir_all(path).unwrap();
        }
        made.restore().unwrap();
        assert!(file.is_file() && made.uploads().is_dir());
    }
}
