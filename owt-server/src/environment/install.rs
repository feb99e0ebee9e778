//! Makes an environment, once, whoever asks: this process, or another one at the same time.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::error::EnvironmentError;
use super::progress::Progress;
use super::spec::{Key, Spec};
use super::store::{Lock, Manifest, Store};
use super::uv::{Sync, Uv, python_version};
use crate::pool::Subreaper;

/// Makes environments in a folder.
#[derive(Debug, Clone)]
pub(crate) struct Installer {
    pub(crate) store: Store,
    /// How long making one may take.
    pub(crate) limit: Duration,
    pub(crate) subreaper: Arc<Subreaper>,
}

/// An environment that is ready, and not removed before this is dropped.
#[derive(Debug)]
pub(crate) struct Installed {
    /// Its interpreter.
    pub(crate) python: PathBuf,
    pub(crate) manifest: Manifest,
    _lock: Lock,
}

impl Installer {
    /// The environment of a specification, made if it is not there. Nothing is left of one whose future is
    /// dropped in the middle, or whose process is killed, but what the next one removes.
    pub(crate) async fn install(
        &self,
        spec: &Spec,
        find: impl FnOnce() -> Option<Uv>,
        progress: &Progress,
    ) -> Result<Installed, EnvironmentError> {
        let installing = self.ready_or_made(spec, find, progress);
        let slow = |_| EnvironmentError::Slow { limit: self.limit };
        timeout(self.limit, installing).await.map_err(slow)?
    }

    async fn ready_or_made(
        &self,
        spec: &Spec,
        find: impl FnOnce() -> Option<Uv>,
        progress: &Progress,
    ) -> Result<Installed, EnvironmentError> {
        let key = spec.key();
        let lock = self.store.lock_shared(key).await?;
        if let Some(manifest) = self.store.manifest(key) {
            return Ok(self.installed(key, manifest, lock));
        }
        drop(lock);
        let uv = find().ok_or(EnvironmentError::NoUv)?;
        let lock = self.store.lock_exclusive(key).await?;
        // Another process may have made it meanwhile.
        let manifest = match self.store.manifest(key) {
            Some(manifest) => manifest,
            None => self.make(spec, key, &uv, &lock, progress).await?,
        };
        lock.share()?;
        Ok(self.installed(key, manifest, lock))
    }

    fn installed(&self, key: Key, manifest: Manifest, lock: Lock) -> Installed {
        self.store.touch(key);
        Installed { python: self.store.python(key), manifest, _lock: lock }
    }

    async fn make(
        &self,
        spec: &Spec,
        key: Key,
        uv: &Uv,
        lock: &Lock,
        progress: &Progress,
    ) -> Result<Manifest, EnvironmentError> {
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
        let (store, written) = (self.store.clone(), manifest.clone());
        let set_ready = move || store.set_ready(key, &written);
        spawn_blocking(set_ready).await.map_err(io::Error::other)??;
        Ok(manifest)
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
