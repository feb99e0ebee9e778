//! A folder of this server's own, which nobody else may read. It is locked for as long as the server
//! lives, so that what a server that was killed has left, the next one knows and removes.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::io::ErrorKind::{AlreadyExists, NotFound, PermissionDenied, WouldBlock};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::process::geteuid;

const ONLY_FOR_THIS_USER: u32 = 0o700;

/// How often a folder is made anew that another owt, which was starting or ending, took for left over.
const ATTEMPTS: usize = 16;

/// A folder that is removed when this is dropped.
#[derive(Debug)]
pub(crate) struct PrivateDir {
    path: PathBuf,
    /// An open folder. Cleaners of temporary files leave alone what is locked, too (tmpfiles.d(5)).
    _lock: File,
}

impl PrivateDir {
    /// Makes a folder in the first of some folders in which that succeeds. These hold nothing but
    /// such folders, and are made where they are missing.
    pub(crate) fn make(bases: &[PathBuf], prefix: &str) -> io::Result<Self> {
        let mut outcome = Err(NotFound.into());
        for base in bases {
            outcome = Self::make_in(base, prefix);
            if outcome.is_ok() {
                break;
            }
        }
        outcome
    }

    fn make_in(base: &Path, prefix: &str) -> io::Result<Self> {
        let mut outcome = Err(WouldBlock.into());
        for _ in 0..ATTEMPTS {
            outcome = Self::attempt(base, prefix);
            match &outcome {
                // Another owt has ended in between, and removed the base that it left empty; or it
                // has just started, and removed what was not locked yet.
                Err(err) if matches!(err.kind(), NotFound | AlreadyExists | WouldBlock) => {}
                _ => break,
            }
        }
        outcome
    }

    fn attempt(base: &Path, prefix: &str) -> io::Result<Self> {
        make_base(base)?;
        remove_left_over(base, prefix);
        let mut builder = tempfile::Builder::new();
        builder.prefix(prefix).permissions(Permissions::from_mode(ONLY_FOR_THIS_USER));
        let path = builder.tempdir_in(base)?.keep();
        let lock = lock(&path)?.ok_or(WouldBlock)?;
        Ok(Self { path, _lock: lock })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes the folder again if somebody has removed it; whether that was so.
    pub(crate) fn restore(&mut self) -> io::Result<bool> {
        if is_at(&self._lock, &self.path) {
            return Ok(false);
        }
        DirBuilder::new().recursive(true).mode(ONLY_FOR_THIS_USER).create(&self.path)?;
        self._lock = lock(&self.path)?.ok_or(WouldBlock)?;
        Ok(true)
    }
}

impl Drop for PrivateDir {
    fn drop(&mut self) {
        remove(&self.path);
    }
}

/// Removes a private folder, and the one that it is in if nothing else is there.
pub(crate) fn remove(path: &Path) {
    let _ = fs::remove_dir_all(path);
    let _ = path.parent().map(fs::remove_dir);
}

/// Makes the folder that holds private ones, and sees that nobody else may put anything into it.
fn make_base(base: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(ONLY_FOR_THIS_USER).create(base)?;
    let found = fs::symlink_metadata(base)?;
    let is_ours = found.uid() == geteuid().as_raw() && found.mode() & 0o022 == 0;
    match found.is_dir() && is_ours {
        true => Ok(()),
        false => Err(PermissionDenied.into()),
    }
}

/// Removes the folders that nobody holds a lock of: their servers are dead.
fn remove_left_over(base: &Path, prefix: &str) {
    for entry in fs::read_dir(base).into_iter().flatten().flatten() {
        let is_one = entry.file_name().to_string_lossy().starts_with(prefix);
        if is_one && let Ok(Some(_lock)) = lock(&entry.path()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Locks a folder; `None` if it is locked already, or somebody has removed it at this moment.
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

/// Whether an open folder is the one that is at a path now.
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
    fn what_a_dead_server_left_is_removed_and_what_a_living_one_has_is_not() {
        let root = tempfile::tempdir().unwrap();
        let bases = [root.path().join("owt")];
        let living = PrivateDir::make(&bases, "run-").unwrap();
        let (dead, foreign) = (bases[0].join("run-dead"), bases[0].join("other"));
        fs::create_dir_all(dead.join("python")).unwrap();
        fs::create_dir(&foreign).unwrap();
        let made = PrivateDir::make(&bases, "run-").unwrap();
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
        let made = ["run-", "run-"].map(|prefix| PrivateDir::make(&bases, prefix).unwrap());
        assert_eq!(fs::metadata(&bases[0]).unwrap().mode() & 0o777, 0o700);
        drop(made);
        assert!(!bases[0].exists());
    }

    #[test]
    fn a_folder_that_others_may_write_to_is_passed_over() {
        let root = tempfile::tempdir().unwrap();
        let bases = ["open", "own"].map(|name| root.path().join(name));
        fs::create_dir(&bases[0]).unwrap();
        fs::set_permissions(&bases[0], Permissions::from_mode(0o777)).unwrap();
        assert_eq!(PrivateDir::make(&bases, "run-").unwrap().path().parent(), Some(&*bases[1]));
    }

    #[test]
    fn a_folder_that_was_removed_is_made_again_and_locked() {
        let root = tempfile::tempdir().unwrap();
        let bases = [root.path().join("owt")];
        let mut made = PrivateDir::make(&bases, "run-").unwrap();
        assert!(!made.restore().unwrap());
        fs::remove_dir_all(&bases[0]).unwrap();
        assert!(made.restore().unwrap());
        let _other = PrivateDir::make(&bases, "run-").unwrap();
        assert!(made.path().is_dir());
    }

    #[test]
    fn servers_that_start_and_end_at_the_same_time_keep_their_folders() {
        let root = tempfile::tempdir().unwrap();
        let bases = [root.path().join("owt")];
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let made = PrivateDir::make(&bases, "run-").unwrap();
                        fs::write(made.path().join("file"), "mine").unwrap();
                        assert_eq!(fs::read(made.path().join("file")).unwrap(), b"mine");
                    }
                });
            }
        });
        assert!(!bases[0].exists());
    }
}
