//! Makes an environment, once, whoever asks: this process, or another one at the same time.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};

use super::error::EnvironmentError;
use super::progress::Progress;
use super::spec::{Key, Spec};
use super::store::{Lock, Manifest, Store};
use super::uv::{Sync, Uv, python_version};
use crate::pool::Subreaper;

/// How many are made at a time; others wait.
const MAX_INSTALLING: usize = 4;

/// How often it is looked whether another process has made one.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Makes environments in a folder.
#[derive(Debug, Clone)]
pub(crate) struct Installer {
    pub(crate) store: Store,
    /// How long making one may take.
    limit: Duration,
    permits: Arc<Semaphore>,
    subreaper: Arc<Subreaper>,
}

/// An environment that is ready, and not removed before this is dropped.
#[derive(Debug)]
pub(crate) struct Installed {
    /// Its interpreter.
    pub(crate) python: PathBuf,
    pub(crate) manifest: Manifest,
    _lock: Lock,
}

/// What becomes of waiting for an environment.
enum Turn {
    /// Another process has made it.
    Ready(Installed),
    /// It is for the holder of the lock to make.
    ToMake(Lock),
}

impl Installer {
    pub(crate) fn new(store: Store, limit: Duration, subreaper: Arc<Subreaper>) -> Self {
        Self { store, limit, permits: Arc::new(Semaphore::new(MAX_INSTALLING)), subreaper }
    }

    /// The environment of a specification, made if it is not there. Of one that fails, nothing is left. Of
    /// one whose future is dropped in the middle, or whose process is killed, what is left is removed by
    /// the next.
    pub(crate) async fn install(
        &self,
        spec: &Spec,
        find: impl FnOnce() -> Option<Uv>,
        progress: &Progress,
    ) -> Result<Installed, EnvironmentError> {
        let key = spec.key();
        if let Some(installed) = self.ready(key)? {
            return Ok(installed);
        }
        let uv = find().ok_or(EnvironmentError::NoUv)?;
        loop {
            match self.in_time(self.turn(key)).await?? {
                Turn::Ready(installed) => return Ok(installed),
                Turn::ToMake(lock) => self.make_or_remove(spec, &uv, lock, progress).await?,
            }
        }
    }

    async fn in_time<T>(&self, waiting: impl Future<Output = T>) -> Result<T, EnvironmentError> {
        let slow = |_| EnvironmentError::Slow { limit: self.limit };
        timeout(self.limit, waiting).await.map_err(slow)
    }

    /// Waits for whoever makes or removes an environment.
    async fn turn(&self, key: Key) -> io::Result<Turn> {
        loop {
            if let Some(installed) = self.ready(key)? {
                return Ok(Turn::Ready(installed));
            }
            match self.store.try_lock_exclusive(key)? {
                Some(lock) if self.store.manifest(key).is_none() => return Ok(Turn::ToMake(lock)),
                _ => sleep(POLL_INTERVAL).await,
            }
        }
    }

    /// The environment, if it is there and nobody is about to remove it.
    fn ready(&self, key: Key) -> io::Result<Option<Installed>> {
        // First without the lock, which is a file, too.
        if self.store.manifest(key).is_none() {
            return Ok(None);
        }
        let Some(lock) = self.store.try_lock_shared(key)? else { return Ok(None) };
        let Some(manifest) = self.store.manifest(key) else { return Ok(None) };
        self.store.touch(key);
        Ok(Some(Installed { python: self.store.python(key), manifest, _lock: lock }))
    }

    async fn make_or_remove(
        &self,
        spec: &Spec,
        uv: &Uv,
        lock: Lock,
        progress: &Progress,
    ) -> Result<(), EnvironmentError> {
        // Others wait for this one only, and not for those that wait for it.
        let _permit = self.permits.acquire().await;
        let made = self.in_time(self.make(spec, uv, &lock, progress)).await.flatten();
        if made.is_err() {
            let (store, key) = (self.store.clone(), spec.key());
            let removing = spawn_blocking(move || store.remove_locked(key, lock));
            if let Err(err) = removing.await.map_err(io::Error::other).flatten() {
                tracing::warn!("environment {key}: cannot be removed: {err}");
            }
        }
        made
    }

    async fn make(
        &self,
        spec: &Spec,
        uv: &Uv,
        lock: &Lock,
        progress: &Progress,
    ) -> Result<(), EnvironmentError> {
        let key = spec.key();
        let folder = self.store.folder(key);
        let unmade = folder.clone();
        spawn_blocking(move || remove(&unmade)).await.map_err(io::Error::other)??;
        fs::create_dir(&folder)?;
        let script = folder.join("script.py");
        fs::write(&script, spec.text())?;
        if let Some(text) = &spec.lock {
            fs::write(folder.join("script.py.lock"), text.as_bytes())?;
        }
        // Where it finds these, `uv` does not look into the folders above.
        for name in ["pyproject.toml", "uv.toml"] {
            fs::write(folder.join(name), "")?;
        }
        let sync = Sync {
            project: &folder,
            script: &script,
            virtualenv: &self.store.virtualenv(key),
            python: spec.python(),
            is_locked: spec.lock.is_some(),
        };
        uv.sync(&sync, lock.file(), &self.subreaper, progress).await?;
        let python = python_version(&self.store.virtualenv(key))?;
        let manifest = Manifest { python, dependencies: spec.dependencies().to_vec() };
        let store = self.store.clone();
        spawn_blocking(move || store.set_ready(key, &manifest))
            .await
            .map_err(io::Error::other)??;
        Ok(())
    }
}

fn remove(folder: &std::path::Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(err) if err.kind() != io::ErrorKind::NotFound => Err(err),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
