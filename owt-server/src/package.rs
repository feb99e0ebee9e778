//! The directories of a server: what workers import, which is embedded in the binary, and the sources
//! that child processes of adaptors may import.
//!
//! They are real directories, so that tracebacks show source lines, any `python` can import `owt`, and
//! the bytecode that Python makes of it at the first start is there at the next one.

use std::env;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use include_dir::{Dir, include_dir};
use parking_lot::Mutex;
use rustix::process::geteuid;
use tokio::time::sleep;

use crate::private::{self, PrivateDir};

/// The Python package and the extension module, as the build script collected them.
static PACKAGE: Dir<'_> = include_dir!("$OUT_DIR/package");

/// Where they are written: no two versions share a directory.
const PACKAGE_NAME: &str = concat!("python-", env!("OWT_PACKAGE_HASH"));

/// After so long a version that nobody has started is removed.
const MAX_UNUSED: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// When the sources were last modified, for Python: it compares that with what its bytecode says.
const SOURCE_TIME: Duration = Duration::from_secs(1_000_000_000);

/// How often it is checked that nothing is missing.
const CHECK_INTERVAL: Duration = Duration::from_secs(10);

/// The private directories of a server, removed when this is dropped.
#[derive(Debug)]
pub(crate) struct RunDir {
    path: PathBuf,
    package: PathBuf,
    uploads_path: PathBuf,
    dirs: Mutex<Dirs>,
}

#[derive(Debug)]
struct Dirs {
    home: PrivateDir,
    uploads: PrivateDir,
}

impl RunDir {
    /// Creates the directories and writes the package.
    pub(crate) fn create() -> io::Result<Self> {
        let home = PrivateDir::create(&homes(), "run-")?;
        // Not in $XDG_RUNTIME_DIR, which is often a tmpfs: these files are large.
        let uploads = PrivateDir::create(&temporary(), "uploads-")?;
        let (path, uploads_path) = (home.path().to_path_buf(), uploads.path().to_path_buf());
        let package = home_of_package()?;
        let run_dir =
            Self { path, package, uploads_path, dirs: Mutex::new(Dirs { home, uploads }) };
        run_dir.restore()?;
        Ok(run_dir)
    }

    /// Restores what is missing, as after a cleaner of temporary files.
    pub(crate) fn restore(&self) -> io::Result<()> {
        let mut dirs = self.dirs.lock();
        if dirs.home.restore()? | dirs.uploads.restore()? {
            tracing::warn!("somebody has removed {}: it is made again", self.path.display());
        }
        fs::create_dir_all(self.adaptors())?;
        write_missing(&PACKAGE, &self.package)
    }

    /// Restores what is missing from time to time, for ever.
    pub(crate) async fn keep(self: Arc<Self>) {
        loop {
            sleep(CHECK_INTERVAL).await;
            if let Err(err) = self.clone().restore_in_background().await {
                tracing::error!("{} is not whole: {err}", self.path.display());
            }
        }
    }

    /// Restores what is missing on a thread of its own, which may block on the disk. Tokio would keep
    /// a thread from one check to the next.
    pub(crate) async fn restore_in_background(self: Arc<Self>) -> io::Result<()> {
        let (done, restored) = tokio::sync::oneshot::channel();
        let restore = move || drop(done.send(self.restore()));
        std::thread::Builder::new().name("owt-restore".to_owned()).spawn(restore)?;
        restored.await.map_err(io::Error::other)?
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Where uploaded files are kept while their calls last.
    pub(crate) fn uploads(&self) -> &Path {
        &self.uploads_path
    }

    /// The entry of `sys.path` with which `import owt` works.
    pub(crate) fn package(&self) -> &Path {
        &self.package
    }

    /// Where the sources of adaptors are written.
    pub(crate) fn adaptors(&self) -> PathBuf {
        self.path().join("adaptors")
    }
}

/// The directory of this version's package, which stays when the server ends. Old ones are removed.
fn home_of_package() -> io::Result<PathBuf> {
    let mut outcome = Err(io::ErrorKind::NotFound.into());
    for base in caches() {
        outcome = private::create_base(&base).and_then(|()| {
            let path = base.join(PACKAGE_NAME);
            fs::create_dir_all(&path)?;
            File::open(&path)?.set_modified(SystemTime::now())?;
            remove_unused(&base);
            Ok(path)
        });
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}

fn remove_unused(base: &Path) {
    for entry in fs::read_dir(base).into_iter().flatten().flatten() {
        let is_package = entry.file_name().to_string_lossy().starts_with("python-");
        let modified = entry.metadata().and_then(|found| found.modified());
        let unused = modified.ok().and_then(|at| at.elapsed().ok());
        if is_package && unused.is_some_and(|unused| unused > MAX_UNUSED) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Where the run directory may be, in order of preference: the user's own directories, which no
/// cleaner of temporary files touches (XDG Base Directory Specification), then the temporary directory.
fn homes() -> Vec<PathBuf> {
    let runtime = absolute("XDG_RUNTIME_DIR").filter(|path| path.is_dir() && is_ours(path));
    runtime.map(|path| path.join("owt")).into_iter().chain(caches()).collect()
}

/// Where what outlives the server may be: not in $XDG_RUNTIME_DIR, which is gone after a logout.
pub(crate) fn caches() -> Vec<PathBuf> {
    let cache = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")));
    let own = cache.filter(|path| is_ours(path)).map(|path| path.join("owt"));
    own.into_iter().chain(temporary()).collect()
}

fn absolute(variable: &str) -> Option<PathBuf> {
    env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute())
}

/// Whether a directory, or its closest ancestor that exists, belongs to this user: with `sudo`,
/// environment variables may still name another user's.
fn is_ours(path: &Path) -> bool {
    let found = path.ancestors().find_map(|path| fs::metadata(path).ok());
    found.is_some_and(|found| found.uid() == geteuid().as_raw())
}

/// Candidates in the temporary directory. Two, because another user may have created the first.
fn temporary() -> Vec<PathBuf> {
    let base = env::temp_dir().join(format!("owt-{}", geteuid().as_raw()));
    let other = base.with_extension(fastrand::u64(..).to_string());
    vec![base, other]
}

/// Writes the files that are missing. Each appears atomically, because workers may be reading, and under a
/// name of its own before, because other servers may be writing the same.
fn write_missing(dir: &Dir<'_>, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for file in dir.files() {
        let path = to.join(file.path().file_name().expect("an embedded file has a name"));
        if fs::metadata(&path).is_ok_and(|found| found.len() == file.contents().len() as u64) {
            continue;
        }
        let mut partial = tempfile::Builder::new().prefix(".partial-").tempfile_in(to)?;
        partial.write_all(file.contents())?;
        // Always the same, so that bytecode of these sources is not made again.
        partial.as_file().set_modified(SystemTime::UNIX_EPOCH + SOURCE_TIME)?;
        partial.persist(path).map_err(|err| err.error)?;
    }
    for inner in dir.dirs() {
        let name = inner.path().file_name().expect("an embedded directory has a name");
        write_missing(inner, &to.join(name))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_package_is_in_a_private_directory_that_is_removed_with_its_owner() {
        let run_dir = RunDir::create().unwrap();
        let path = run_dir.path().to_path_buf();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        assert!(run_dir.package().join("owt/__init__.py").is_file());
        assert!(run_dir.package().join("_owt_native.abi3.so").is_file());
        drop(run_dir);
        assert!(!path.exists());
    }

    #[test]
    fn many_servers_may_write_the_package_at_the_same_time() {
        let folder = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            let writing: Vec<_> =
                (0..8).map(|_| scope.spawn(|| write_missing(&PACKAGE, folder.path()))).collect();
            writing.into_iter().for_each(|writing| writing.join().unwrap().unwrap());
        });
        let left = fs::read_dir(folder.path()).unwrap();
        let left = left.filter(|entry| {
            entry.as_ref().unwrap().file_name().to_string_lossy().starts_with(".partial-")
        });
        assert_eq!(left.count(), 0);
    }

    #[test]
    fn what_a_cleaner_has_removed_is_restored() {
        let run_dir = RunDir::create().unwrap();
        let file = run_dir.package().join("owt/_worker.py");
        let before = fs::read(&file).unwrap();
        fs::remove_file(&file).unwrap();
        fs::remove_dir_all(run_dir.adaptors()).unwrap();
        run_dir.restore().unwrap();
        assert_eq!((fs::read(&file).unwrap(), run_dir.adaptors().is_dir()), (before, true));
        for path in [run_dir.path(), run_dir.uploads()] {
            fs::remove_dir_all(path).unwrap();
        }
        run_dir.restore().unwrap();
        assert!(file.is_file() && run_dir.uploads().is_dir());
    }
}
