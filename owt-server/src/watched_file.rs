//! A file of settings that is read again when it changes, while the server runs.

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::web;
use parking_lot::Mutex;

/// How long after a change the former content may still count.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// A file of settings cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot use {path}: {problem}", path = path.display())]
pub struct FileError {
    /// The file.
    pub path: PathBuf,
    /// Why, without anything of what is in it.
    pub problem: String,
}

/// A file, and what was last read in it. As long as the file is gone or has an error, that counts.
pub(crate) struct WatchedFile<T>(Arc<Watched<T>>);

/// Makes a value of a file, or says in a sentence why not.
type Read<T> = dyn Fn(&Path) -> Result<T, String> + Send + Sync;

struct Watched<T> {
    path: PathBuf,
    read: Box<Read<T>>,
    state: Mutex<State<T>>,
}

struct State<T> {
    value: Arc<T>,
    stamp: Option<Stamp>,
    looked: Instant,
}

/// What differs once a file has been written.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    file: (u64, u64),
    len: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl<T: Send + Sync + 'static> WatchedFile<T> {
    /// Reads a file. `parse` says what is wrong with a text, and shows nothing of it.
    pub(crate) fn open(
        path: PathBuf,
        parse: impl Fn(&str) -> Result<T, String> + Send + Sync + 'static,
    ) -> Result<Self, FileError> {
        Self::open_with(path, move |path| read(path, &parse))
    }

    /// Reads a file with a function of its own.
    pub(crate) fn open_with<E: fmt::Display>(
        path: PathBuf,
        read: impl Fn(&Path) -> Result<T, E> + Send + Sync + 'static,
    ) -> Result<Self, E> {
        let stamp = stamp(&path).ok();
        let value = Arc::new(read(&path)?);
        let state = Mutex::new(State { value, stamp, looked: Instant::now() });
        let read = Box::new(move |path: &Path| read(path).map_err(|err| err.to_string()));
        Ok(Self(Arc::new(Watched { path, read, state })))
    }

    /// What is in the file now, or was a second ago.
    pub(crate) async fn current(&self) -> Arc<T> {
        let is_time = {
            let mut state = self.0.state.lock();
            let is_time = state.looked.elapsed() >= LOOK_INTERVAL;
            if is_time {
                state.looked = Instant::now();
            }
            is_time
        };
        if is_time {
            self.look().await;
        }
        self.last()
    }

    /// What was read last.
    pub(crate) fn last(&self) -> Arc<T> {
        self.0.state.lock().value.clone()
    }

    /// What has come in the place of `value`, whether that was long ago or just now.
    pub(crate) async fn newer(&self, value: &Arc<T>) -> Option<Arc<T>> {
        if Arc::ptr_eq(&self.last(), value) {
            self.look().await;
        }
        Some(self.last()).filter(|newer| !Arc::ptr_eq(newer, value))
    }

    /// Checks something by what is in the file; what that does not have, it may have got a moment ago.
    pub(crate) async fn check<E>(&self, check: impl Fn(&T) -> Result<(), E>) -> Result<(), E> {
        let known = self.current().await;
        let Err(err) = check(&known) else { return Ok(()) };
        match self.newer(&known).await {
            Some(newer) => check(&newer),
            None => Err(err),
        }
    }

    /// Looks for a change, on a thread that may wait for the disk.
    async fn look(&self) {
        let watched = self.0.clone();
        // A thread that panicked has changed nothing.
        let _ = web::block(move || watched.look()).await;
    }
}

impl<T> Watched<T> {
    fn look(&self) {
        let stamp = stamp(&self.path).ok();
        if stamp == self.state.lock().stamp {
            return;
        }
        let read = (self.read)(&self.path);
        let mut state = self.state.lock();
        state.stamp = stamp;
        match read {
            Ok(value) => {
                state.value = Arc::new(value);
                tracing::info!("{} has changed, and was read again", self.path.display());
            }
            Err(err) => tracing::error!("{err}; what it said before still counts"),
        }
    }
}

fn stamp(path: &Path) -> io::Result<Stamp> {
    let found = fs::metadata(path)?;
    Ok(Stamp {
        file: (found.dev(), found.ino()),
        len: found.len(),
        modified: (found.mtime(), found.mtime_nsec()),
        changed: (found.ctime(), found.ctime_nsec()),
    })
}

fn read<T>(path: &Path, parse: impl Fn(&str) -> Result<T, String>) -> Result<T, FileError> {
    let text = fs::read_to_string(path).map_err(|err| err.to_string());
    text.and_then(|text| parse(&text))
        .map_err(|problem| FileError { path: path.to_owned(), problem })
}

impl<T> fmt::Debug for WatchedFile<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatchedFile").field("path", &self.0.path).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    fn open(folder: &TempDir, text: &str) -> Result<WatchedFile<u32>, FileError> {
        let path = folder.path().join("number");
        fs::write(&path, text).unwrap();
        WatchedFile::open(path, |text| text.trim().parse().map_err(|_| "no number".to_owned()))
    }

    #[actix_web::test]
    async fn what_is_looked_for_in_vain_is_read_at_once() {
        let folder = TempDir::new().unwrap();
        let file = open(&folder, "1\n").unwrap();
        let one = file.current().await;
        assert_eq!((*one, file.newer(&one).await), (1, None));
        fs::write(&file.0.path, "22").unwrap();
        assert_eq!(file.newer(&one).await.as_deref(), Some(&22));
        assert_eq!(*file.current().await, 22);
        assert_eq!(file.newer(&one).await.as_deref(), Some(&22));
    }

    #[actix_web::test]
    async fn a_change_counts_after_a_second() {
        let folder = TempDir::new().unwrap();
        let file = open(&folder, "1").unwrap();
        fs::write(&file.0.path, "22").unwrap();
        assert_eq!(*file.current().await, 1);
        file.0.state.lock().looked -= LOOK_INTERVAL;
        assert_eq!(*file.current().await, 22);
    }

    #[actix_web::test]
    async fn a_file_that_is_gone_or_wrong_changes_nothing() {
        let folder = TempDir::new().unwrap();
        let file = open(&folder, "1").unwrap();
        let one = file.current().await;
        fs::write(&file.0.path, "two").unwrap();
        assert_eq!(file.newer(&one).await, None);
        fs::remove_file(&file.0.path).unwrap();
        assert_eq!(file.newer(&one).await, None);
        fs::write(&file.0.path, "3").unwrap();
        assert_eq!(file.newer(&one).await.as_deref(), Some(&3));
    }

    #[test]
    fn a_file_that_is_wrong_from_the_start_cannot_be_opened() {
        let folder = TempDir::new().unwrap();
        let err = open(&folder, "secret").unwrap_err();
        let path = folder.path().join("number");
        assert_eq!(err.to_string(), format!("cannot use {}: no number", path.display()));
    }
}
