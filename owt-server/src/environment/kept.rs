//! The environments that are kept on this machine, for whoever lists or removes them.

use std::io;
use std::time::Duration;

use super::store::Store;

/// An environment that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptEnvironment {
    /// Its name.
    pub key: String,
    /// The version of its Python; `None` of one that is being made, or was left half made.
    pub python: Option<String>,
    /// What it was made for.
    pub dependencies: Vec<String>,
    /// How long nobody has used it.
    pub unused: Duration,
}

/// What has become of an environment that was to be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// It is gone.
    Removed,
    /// A server uses it, or makes it.
    InUse,
    /// There was none of this name.
    Unknown,
}

/// The environments of this user, by their names.
///
/// # Errors
/// When there is no folder for them.
pub fn kept_environments() -> io::Result<Vec<KeptEnvironment>> {
    let entries = Store::open()?.list().into_iter();
    let kept = entries.map(|entry| {
        let (python, dependencies) = match entry.manifest {
            Some(manifest) => (Some(manifest.python), manifest.dependencies),
            None => (None, Vec::new()),
        };
        KeptEnvironment { key: entry.key.to_string(), python, dependencies, unused: entry.unused }
    });
    Ok(kept.collect())
}

/// Removes an environment by its name.
///
/// # Errors
/// When its files cannot be removed.
pub fn remove_environment(name: &str) -> io::Result<Removal> {
    let store = Store::open()?;
    let Ok(key) = name.parse() else { return Ok(Removal::Unknown) };
    if !store.list().iter().any(|entry| entry.key == key) {
        return Ok(Removal::Unknown);
    }
    Ok(match store.remove(key)? {
        true => Removal::Removed,
        false => Removal::InUse,
    })
}
