//! What `GET /_owt/environments` shows: the environments that were asked for since the start.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::environment::{Key, Progress, Spec};

/// How many are listed; the oldest goes first.
const MAX_LISTED: usize = 256;

#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub(super) enum State {
    /// Calls wait until it is installed.
    Installing,
    /// It is installed, and its workers start.
    Starting,
    /// It takes calls.
    Running,
    /// Nobody has called it for a while: its workers start again with the next call.
    Idle,
    /// The next call tries again.
    Failed,
}

#[derive(Debug)]
struct Listed {
    state: State,
    python: Option<String>,
    dependencies: Vec<String>,
    progress: Arc<Progress>,
    since: Instant,
}

#[derive(Debug, Default)]
pub(super) struct Listing(Mutex<BTreeMap<Key, Listed>>);

impl Listing {
    /// An installation begins.
    pub(super) fn begin(&self, key: Key, spec: &Spec) -> Arc<Progress> {
        let progress = Arc::<Progress>::default();
        let (state, since) = (State::Installing, Instant::now());
        let dependencies = spec.dependencies().to_vec();
        let listed =
            Listed { state, python: None, dependencies, progress: progress.clone(), since };
        let all = &mut *self.0.lock();
        all.insert(key, listed);
        while all.len() > MAX_LISTED {
            let others = all.iter().filter(|(other, _)| **other != key);
            let Some(oldest) = others.min_by_key(|(_, listed)| listed.since).map(|(key, _)| *key)
            else {
                return progress;
            };
            all.remove(&oldest);
        }
        progress
    }

    pub(super) fn set(&self, key: Key, state: State, python: Option<&str>) {
        if let Some(listed) = self.0.lock().get_mut(&key) {
            (listed.state, listed.since) = (state, Instant::now());
            listed.python = python.map(str::to_owned).or(listed.python.take());
        }
    }

    pub(super) fn to_json(&self, pool: &str) -> Vec<Value> {
        let all = self.0.lock();
        let documents = all.iter().map(|(key, listed)| {
            json!({
                "key": key.to_string(),
                "pool": pool,
                "state": <&str>::from(listed.state),
                "python": listed.python,
                "dependencies": listed.dependencies,
                "progress": listed.progress.lines(),
                "since": listed.since.elapsed().as_secs_f64(),
            })
        });
        documents.collect()
    }
}
