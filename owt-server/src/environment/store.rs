//! The folder of environments, in the user's cache: it is shared by all servers of a user, and locks
//! between their processes keep one from removing or making what another uses or makes.
//!
//! `KEY/` holds an environment, and `KEY/ready.json` is written last, by a rename: a folder without it was
//! left by an installation that did not end, and is made anew. `KEY.lock` is locked exclusively by who
//! makes or removes it, and shared by who uses it.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use super::spec::Key;
use crate::package::caches;
use crate::private;

const READY: &str = "ready.json";

/// The folder of environments.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    root: PathBuf,
}

/// What is known of an environment that is ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    /// The version of its Python.
    pub(crate) python: String,
    pub(crate) dependencies: Vec<String>,
}

/// An environment in the folder.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) key: Key,
    /// `None` of one that is being made, or was left in the middle.
    pub(crate) manifest: Option<Manifest>,
    /// How long nobody has used it.
    pub(crate) unused: Duration,
}

/// Holds the lock of an environment.
#[derive(Debug)]
pub(crate) struct Lock(File);

impl Lock {
    /// The open file, for a process that is to hold the lock as well.
    pub(super) fn file(&self) -> &File {
        &self.0
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Not only closed: a process that `uv` has left behind may still have the file open.
        let _ = flock(&self.0, FlockOperation::Unlock);
    }
}

impl Store {
    /// The folder of this user.
    pub(crate) fn open() -> io::Result<Self> {
        let mut outcome = Err(io::ErrorKind::NotFound.into());
        for base in caches() {
            outcome = Self::open_in(&base);
            if outcome.is_ok() {
                break;
            }
        }
        outcome
    }

    pub(super) fn open_in(base: &Path) -> io::Result<Self> {
        private::create_base(base)?;
        let root = base.join("environments");
        private::create_base(&root)?;
        Ok(Self { root })
    }

    pub(super) fn folder(&self, key: Key) -> PathBuf {
        self.root.join(key.to_string())
    }

    /// The interpreter of an environment.
    pub(super) fn python(&self, key: Key) -> PathBuf {
        self.virtualenv(key).join("bin/python")
    }

    pub(super) fn virtualenv(&self, key: Key) -> PathBuf {
        self.folder(key).join("venv")
    }

    /// What is known of an environment, if it is ready and the Python that it was made of is still there.
    pub(crate) fn manifest(&self, key: Key) -> Option<Manifest> {
        let text = fs::read(self.folder(key).join(READY)).ok()?;
        let manifest = serde_json::from_slice(&text).ok()?;
        self.python(key).is_file().then_some(manifest)
    }

    /// Says that an environment is ready.
    pub(super) fn set_ready(&self, key: Key, manifest: &Manifest) -> io::Result<()> {
        let path = self.folder(key).join(READY);
        let partial = path.with_extension("partial");
        let file = File::create(&partial)?;
        serde_json::to_writer(&file, manifest)?;
        file.sync_all()?;
        fs::rename(partial, path)
    }

    /// Says that an environment is used now.
    pub(crate) fn touch(&self, key: Key) {
        let file = File::options().write(true).open(self.folder(key).join(READY));
        let _ = file.and_then(|file| file.set_modified(SystemTime::now()));
    }

    pub(super) fn try_lock_shared(&self, key: Key) -> io::Result<Option<Lock>> {
        self.try_lock(key, FlockOperation::NonBlockingLockShared)
    }

    pub(super) fn try_lock_exclusive(&self, key: Key) -> io::Result<Option<Lock>> {
        self.try_lock(key, FlockOperation::NonBlockingLockExclusive)
    }

    fn try_lock(&self, key: Key, operation: FlockOperation) -> io::Result<Option<Lock>> {
        let path = self.lock_path(key);
        let mut options = File::options();
        let file = options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let file = file.open(&path)?;
        match flock(&file, operation) {
            // Somebody who had the lock may have removed the file since it was opened.
            Ok(()) => Ok(is_at(&file, &path).then_some(Lock(file))),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }

    fn lock_path(&self, key: Key) -> PathBuf {
        self.root.join(format!("{key}.lock"))
    }

    /// All environments, by their keys.
    pub(crate) fn list(&self) -> Vec<Entry> {
        let mut keys = self.keys();
        keys.sort();
        keys.into_iter().map(|key| self.entry(key)).collect()
    }

    fn keys(&self) -> Vec<Key> {
        let entries = fs::read_dir(&self.root).into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
    }

    fn entry(&self, key: Key) -> Entry {
        let used = [self.folder(key).join(READY), self.folder(key)]
            .iter()
            .find_map(|path| fs::metadata(path).and_then(|found| found.modified()).ok());
        let unused = used.and_then(|at| at.elapsed().ok()).unwrap_or_default();
        Entry { key, manifest: self.manifest(key), unused }
    }

    /// Removes an environment; `false` if somebody uses it or makes it.
    pub(crate) fn remove(&self, key: Key) -> io::Result<bool> {
        let Some(lock) = self.try_lock_exclusive(key)? else { return Ok(false) };
        self.remove_locked(key, lock)?;
        Ok(true)
    }

    /// The same of one that is locked exclusively.
    pub(super) fn remove_locked(&self, key: Key, _lock: Lock) -> io::Result<()> {
        // First of all, what says that it is ready.
        let _ = fs::remove_file(self.folder(key).join(READY));
        match fs::remove_dir_all(self.folder(key)) {
            Err(err) if err.kind() != io::ErrorKind::NotFound => return Err(err),
            _ => {}
        }
        fs::remove_file(self.lock_path(key))
    }

    /// Removes what nobody has used for so long, and what was left half made.
    pub(crate) fn remove_unused(&self, age: Duration) {
        let unused = self.list().into_iter();
        for entry in unused.filter(|entry| entry.manifest.is_none() || entry.unused > age) {
            match self.remove(entry.key) {
                Ok(true) => tracing::info!("environment {}: removed", entry.key),
                Ok(false) => {}
                Err(err) => tracing::warn!("environment {}: cannot be removed: {err}", entry.key),
            }
        }
    }
}

/// Whether the file at a path is still the open one.
fn is_at(file: &File, path: &Path) -> bool {
    let identity = |found: fs::Metadata| (found.dev(), found.ino());
    let there = fs::symlink_metadata(path).map(identity).ok();
    there.is_some() && there == file.metadata().map(identity).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(first: u8) -> Key {
        format!("{first:02x}{}", "0".repeat(30)).parse().unwrap()
    }

    fn manifest() -> Manifest {
        Manifest { python: "3.12.1".to_owned(), dependencies: vec!["six".to_owned()] }
    }

    /// An environment that is ready.
    fn make(store: &Store, key: Key) {
        let python = store.python(key);
        fs::create_dir_all(python.parent().unwrap()).unwrap();
        fs::write(python, "").unwrap();
        store.set_ready(key, &manifest()).unwrap();
    }

    fn store() -> (tempfile::TempDir, Store) {
        let base = tempfile::tempdir().unwrap();
        let store = Store::open_in(&base.path().join("owt")).unwrap();
        (base, store)
    }

    fn keys(store: &Store) -> Vec<Key> {
        store.list().iter().map(|entry| entry.key).collect()
    }

    #[test]
    fn an_environment_without_its_python_is_not_ready() {
        let (_base, store) = store();
        make(&store, key(1));
        assert_eq!(store.manifest(key(1)), Some(manifest()));
        fs::remove_file(store.python(key(1))).unwrap();
        assert_eq!(store.manifest(key(1)), None);
    }

    #[test]
    fn what_is_used_or_being_made_is_not_removed() {
        let (_base, store) = store();
        make(&store, key(1));
        let using = store.try_lock_shared(key(1)).unwrap().unwrap();
        let making = store.try_lock_exclusive(key(2)).unwrap().unwrap();
        fs::create_dir(store.folder(key(2))).unwrap();
        store.remove_unused(Duration::ZERO);
        assert_eq!(keys(&store), [key(1), key(2)]);
        drop((using, making));
        store.remove_unused(Duration::ZERO);
        assert_eq!(fs::read_dir(&store.root).unwrap().count(), 0);
    }

    #[test]
    fn what_was_used_lately_is_kept_and_what_is_half_made_is_not() {
        let (_base, store) = store();
        make(&store, key(1));
        fs::create_dir(store.folder(key(2))).unwrap();
        fs::write(store.root.join("another file"), "").unwrap();
        store.remove_unused(Duration::from_secs(60));
        assert_eq!(keys(&store), [key(1)]);
    }

    #[test]
    fn a_lock_is_held_by_one_or_shared_and_survives_its_removal() {
        let (_base, store) = store();
        let first = store.try_lock_exclusive(key(1)).unwrap().unwrap();
        assert!(store.try_lock_shared(key(1)).unwrap().is_none());
        fs::remove_file(store.lock_path(key(1))).unwrap();
        drop(first);
        let second = store.try_lock_shared(key(1)).unwrap().unwrap();
        assert!(is_at(second.file(), &store.lock_path(key(1))));
        assert!(store.try_lock_shared(key(1)).unwrap().is_some());
        assert!(!store.remove(key(1)).unwrap());
    }
}
