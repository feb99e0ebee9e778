//! The calls of a pool that are at members, or on their way there: they are listed, cancelled and followed as
//! those at workers are.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use owt_core::{Call, CallInfo, CallState, Error, Progress, ProgressStream};
use parking_lot::Mutex;
use tokio::sync::{oneshot, watch};

use crate::reports;

/// Those of one pool, whichever thread of the front they came through.
#[derive(Default)]
pub(super) struct Calls(Mutex<BTreeMap<u64, Entry>>);

struct Entry {
    info: CallInfo,
    since: Instant,
    cancel: Option<oneshot::Sender<Error>>,
    progress: Arc<watch::Sender<Option<Progress>>>,
}

/// A call that is in the list, until this is dropped.
pub(super) struct Registered {
    calls: Arc<Calls>,
    number: u64,
    progress: Arc<watch::Sender<Option<Progress>>>,
    /// Gives the reason if somebody cancels it.
    pub(super) cancelled: oneshot::Receiver<Error>,
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.calls.0.lock().remove(&self.number);
    }
}

impl Registered {
    pub(super) fn report(&self, progress: Progress) {
        self.progress.send_replace(Some(progress));
    }

    /// A part of its reply has come.
    pub(super) fn streams(&self) {
        if let Some(entry) = self.calls.0.lock().get_mut(&self.number) {
            entry.info.state = CallState::Streaming;
        }
    }
}

impl Calls {
    pub(super) fn register(self: &Arc<Self>, call: &Call, pool: &Arc<str>) -> Registered {
        let info = CallInfo::new(call, pool.clone(), CallState::Unknown);
        let (cancel, cancelled) = oneshot::channel();
        let progress = Arc::new(watch::Sender::new(None));
        let entry =
            Entry { info, since: Instant::now(), cancel: Some(cancel), progress: progress.clone() };
        let mut all = self.0.lock();
        let number = all.last_key_value().map_or(0, |(last, _)| last + 1);
        all.insert(number, entry);
        drop(all);
        Registered { calls: self.clone(), number, progress, cancelled }
    }

    /// All of them. Whether one runs or waits, only its member knows.
    pub(super) fn list(&self) -> Vec<CallInfo> {
        let all = self.0.lock();
        let infos = all.values().map(|Entry { info, since, progress, .. }| CallInfo {
            age: since.elapsed().as_secs_f64(),
            progress: progress.borrow().clone(),
            ..info.clone()
        });
        infos.collect()
    }

    /// Cancels the call with this id. Whether there was one.
    pub(super) fn cancel(&self, id: &str) -> bool {
        self.cancel_where(|call| call.id == id, &Error::Cancelled) > 0
    }

    /// Tells all calls that the server stops; how many there were.
    pub(super) fn cancel_all(&self) -> usize {
        self.cancel_where(|_| true, &Error::Draining)
    }

    /// What the call with this id reports.
    pub(super) fn progress(&self, id: &str) -> Option<ProgressStream> {
        let all = self.0.lock();
        let entry = all.values().find(|entry| entry.info.id == id)?;
        Some(reports::stream(reports::of(&entry.progress)))
    }

    fn cancel_where(&self, is_meant: impl Fn(&CallInfo) -> bool, err: &Error) -> usize {
        let mut all = self.0.lock();
        let meant = all.values_mut().filter(|entry| is_meant(&entry.info));
        // It fails if the call has gone.
        meant.filter_map(|entry| entry.cancel.take()?.send(err.clone()).ok()).count()
    }
}
