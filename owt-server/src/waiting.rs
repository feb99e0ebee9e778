//! The calls that wait before any worker has them, for their environment or for what another call computes:
//! they are listed and cancelled as those at workers are.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use owt_core::{Call, CallInfo, CallState, Error};
use parking_lot::Mutex;
use tokio::sync::oneshot;

/// Those that wait for one kind of thing, whichever thread of the front they came through.
#[derive(Debug, Default)]
pub(crate) struct Waiting(Mutex<BTreeMap<u64, Entry>>);

#[derive(Debug)]
struct Entry {
    info: CallInfo,
    since: Instant,
    cancel: oneshot::Sender<Error>,
}

/// Takes a call out again.
struct Registered<'a> {
    waiting: &'a Waiting,
    number: u64,
}

impl Drop for Registered<'_> {
    fn drop(&mut self) {
        self.waiting.0.lock().remove(&self.number);
    }
}

impl Waiting {
    /// Waits for what a call needs, unless the call is cancelled.
    pub(crate) async fn wait<T, E: From<Error>>(
        &self,
        call: &Call,
        pool: &Arc<str>,
        state: CallState,
        needed: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let (_registered, cancelled) = self.register(CallInfo::new(call, pool.clone(), state));
        tokio::select! {
            outcome = needed => outcome,
            Ok(err) = cancelled => Err(err.into()),
        }
    }

    fn register(&self, info: CallInfo) -> (Registered<'_>, oneshot::Receiver<Error>) {
        let (cancel, cancelled) = oneshot::channel();
        let all = &mut *self.0.lock();
        let number = all.last_key_value().map_or(0, |(last, _)| last + 1);
        all.insert(number, Entry { info, since: Instant::now(), cancel });
        (Registered { waiting: self, number }, cancelled)
    }

    pub(crate) fn calls(&self) -> Vec<CallInfo> {
        let all = self.0.lock();
        let infos = all.values().map(|Entry { info, since, .. }| {
            let age = since.elapsed().as_secs_f64();
            CallInfo { age, ..info.clone() }
        });
        infos.collect()
    }

    /// Cancels the call with this id. Whether there was one.
    pub(crate) fn cancel(&self, id: &str) -> bool {
        self.cancel_where(|call| call.id == id, &Error::Cancelled) > 0
    }

    /// Tells all calls that the server stops; how many there were.
    pub(crate) fn cancel_all(&self) -> usize {
        self.cancel_where(|_| true, &Error::Draining)
    }

    fn cancel_where(&self, is_meant: impl Fn(&CallInfo) -> bool, err: &Error) -> usize {
        let all = &mut *self.0.lock();
        let mut cancelled = 0;
        for (_, entry) in all.extract_if(.., |_, entry| is_meant(&entry.info)) {
            // It fails if the call has gone.
            let _ = entry.cancel.send(err.clone());
            cancelled += 1;
        }
        cancelled
    }
}
