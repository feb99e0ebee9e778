//! A directory that only this user may read. It is locked while its server lives; a directory that is
//! not locked was left by a server that was killed, and is removed.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::io::ErrorKind::{AlreadyExists, NotFound, PermissionDenied, WouldBlock};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::process::geteuid;

const OWNER_ONLY: u32 = 0o700;

/// How often it is tried to create a directory, in races with other servers that start or stop.
const MAX_ATTEMPTS: usize = 16;

/// A directory that is removed when this is dropped.
#[derive(Debug)]
pub(crate) struct PrivateDir {
    path: PathBuf,
    /// The open directory. Cleaners of temporary files ignore what is locked, too (tmpfiles.d(5)).
    _lock: File,
}

impl PrivateDir {
    /// Creates a directory in the first of `bases` in which that succeeds. These contain nothing else,
    /// and are created if they are missing.
    pub(crate) fn create(bases: &[PathBuf], prefix: &str) -> io::Result<Self> {
        let mut outcome = Err(NotFound.into());
        for base in bases {
            outcome = Self::create_in(base, prefix);
            if outcome.is_ok() {
                break;
            }
        }
        outcome
    }

    fn create_in(base: &Path, prefix: &str) -> io::Result<Self> {
        let mut outcome = Err(WouldBlock.into());
        for _ in 0..MAX_ATTEMPTS {
            outcome = Self::try_create_in(base, prefix);
            match &outcome {
                // Another server has stopped meanwhile, and removed the base when it was empty; or one
                // has started, and removed this directory before it was locked.
                Err(err) if matches!(err.kind(), NotFound | AlreadyExists | WouldBlock) => {}
                _ => break,
            }
        }
        outcome
    }

    fn try_create_in(base: &Path, prefix: &str) -> io::Result<Self> {
        create_base(base)?;
        remove_stale(base, prefix);
        let mut builder = tempfile::Builder::new();
        builder.prefix(prefix).permissions(Permissions::from_mode(OWNER_ONLY));
        let path = builder.tempdir_in(base)?.keep();
        let lock = lock(&path)?.ok_or(WouldBlock)?;
        Ok(Self { path, _lock: lock })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Creates the directory again if somebody has removed it; whether that was so.
    pub(crate) fn restore(&mut self) -> io::Result<bool> {
        if is_at(&self._lock, &self.path) {
            return Ok(false);
        }
        DirBuilder::new().recursive(true).mode(OWNER_ONLY).create(&self.path)?;
        self._lock = lock(&self.path)?.ok_or(WouldBlock)?;
        Ok(true)
    }
}

impl Drop for PrivateDir {
    fn drop(&mut self) {
        remove(&self.path);
    }
}

/// Removes a private directory, and its base if that is empty then.
fn remove(path: &Path) {
    let _ = fs::remove_dir_all(path);
    let _ = path.parent().map(fs::remove_dir);
}

/// Creates the directory that contains private ones, and checks that nobody else may write to it.
pub(crate) fn create_base(base: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(OWNER_ONLY).create(base)?;
    let found = fs::symlink_metadata(base)?;
    let is_ours = found.uid() == geteuid().as_raw() && found.mode() & 0o022 == 0;
    match found.is_dir() && is_ours {
        true => Ok(()),
        false => Err(PermissionDenied.into()),
    }
}

/// Removes the directories that are not locked: their servers are dead.
fn remove_stale(base: &Path, prefix: &str) {
    for entry in fs::read_dir(base).into_iter().flatten().flatten() {
        let is_one = entry.file_name().to_string_lossy().starts_with(prefix);
        if is_one && let Ok(Some(_lock)) = lock(&entry.path()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Locks a directory; `None` if it is locked already, or has just been removed.
fn lock(path: &Path) -> io::Result<Option<File>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let dir = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(dir) => File::from(dir),
        Err(rustix::io::Errno::NOENT) => return Ok(None),
        Err(errno) => return Err(errno.into()),
    };
    match rustix::fs::flock(&dir, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(is_at(&dir, path).then_some(dir)),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}

/// Whether the directory at a path is still the open one.
fn is_at(dir: &File, path: &Path) -> bool {
    let identity = |found: fs::Metadata| (found.dev(), found.ino());
    let there = fs::symlink_metadata(path).map(identity).ok();
    there.is_some() && there == dir.metadata().map(identity).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(base: &Path) -> Vec<PathBuf> {
        fs::read_dir(base).unwrap().map(|entry| entry.unwrap().path()).collect()
    }

    #[test]
    fn the_directory_of_a_dead_server_is_removed_and_that_of_a_living_one_is_not() {
        let root = tempfile::tempdir().unwrap();
        let bases = [root.path().join("owt")];
        let living = PrivateDir::create(&bases, "run-").unwrap();
        let (dead, foreign) = (bases[0].join("run-dead"), bases[0].join("other"));
        fs::create_dir_all(dead.join("python")).unwrap();
        fs::create_dir(&foreign).unwrap();
        let made = PrivateDir::create(&bases, "run-").unwrap();
        let mut expected = [living.path().to_path_buf(), made.path().to_path_buf(), foreign];
        let mut found = entries(&bases[0]);
        expected.sort();
        found.sort();
        assert_eq!(found, expected);
    }

    #[test]
    fn nothing_is_left_of_the_last_server() {
        let root = tempfile::tempdir().unwrap();
        let bases = [root.path().join("cache/owt")];
        let made = ["run-", "run-"].map(|prefix| PrivateDir::create(&bases, prefix).unwrap());
        assert_eq!(fs::metadata(&bases[0]).unwrap().mode() & 0o777, 0o700);
        drop(made);
        assert!(!bases[0].exists());
    }

    #[test]
    fn a_base_that_others_may_write_to_is_skipped() {
        let root = tempfile::tempdir().unwrap();
        let bases = ["open", "own"].map(|name| root.path().join(name));
        fs::create_dir(&bases[0]).unwrap();
        fs::set_permissions(&bases[0], Permissions::from_mode(0o777)).unwrap();
        assert_eq!(PrivateDir::create(&bases, "run-").unwrap().path().parent(), Some(&*bases[1]));
    }

    #[test]
    fn a_directory_that_was_removed_is_created_again_and_locked() {
        let root = tempfile::tempdir().unwrap();
        let bases = [root.path().join("owt")];
        let mut made = PrivateDir::create(&bases, "run-").unwrap();
        assert!(!made.restore().unwrap());
        fs::remove_dir_all(&bases[0]).unwrap();
        assert!(made.restore().unwrap());
        let _other = PrivateDir::create(&bases, "run-").unwrap();
        assert!(made.path().is_dir());
    }

    #[test]
    fn servers_that_start_and_stop_at_the_same_time_keep_their_directories() {
        let root = tempfile::tempdir().unwrap();
        let bases = [root.path().join("owt")];
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let made = PrivateDir::create(&bases, "run-").unwrap();
                        fs::write(made.path().join("file"), "mine").unwrap();
                        assert_eq!(fs::read(made.path().join("file")).unwrap(), b"mine");
                    }
                });
            }
        });
        assert!(!bases[0].exists());
    }
}
