//! The calls that this server has run, as far as it remembers them.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};

use clru::CLruCache;
use parking_lot::Mutex;

use super::call_key::CallKey;

/// How many calls that somebody confirmed are remembered; the one that was run least recently goes
/// first.
const MAX_CONFIRMED: NonZeroUsize = NonZeroUsize::new(4096).unwrap();

/// How many other calls are remembered at most.
const PLACES: usize = 1 << 14;

/// Calls that were run. Every call is noted, so that has to cost next to nothing: each has one place,
/// and takes it from the call that was there. Those that somebody confirmed do not get lost that way.
#[derive(Debug)]
pub(super) struct KnownCalls {
    run: Box<[AtomicU64]>,
    confirmed: Mutex<CLruCache<CallKey, ()>>,
}

impl Default for KnownCalls {
    fn default() -> Self {
        let run = std::iter::repeat_with(AtomicU64::default).take(PLACES).collect();
        Self { run, confirmed: Mutex::new(CLruCache::new(MAX_CONFIRMED)) }
    }
}

impl KnownCalls {
    pub(super) fn contains(&self, key: CallKey) -> bool {
        let (place, mark) = self.place(key);
        place.load(Ordering::Relaxed) == mark || self.confirmed.lock().get(&key).is_some()
    }

    pub(super) fn note_run(&self, key: CallKey) {
        let (place, mark) = self.place(key);
        // What is there already is not written, or the cores would take it from each other.
        if place.load(Ordering::Relaxed) != mark {
            place.store(mark, Ordering::Relaxed);
        }
    }

    pub(super) fn note_confirmed(&self, key: CallKey) {
        self.confirmed.lock().put(key, ());
    }

    fn place(&self, key: CallKey) -> (&AtomicU64, u64) {
        let bits = key.to_bits();
        // 0 is at the places of no call.
        (&self.run[bits as usize % PLACES], bits.max(1))
    }
}

#[cfg(test)]
mod tests {
    use owt_core::{Code, Envelope};

    use super::super::call_key::Keys;
    use super::*;

    #[test]
    fn a_confirmed_call_is_remembered_however_many_others_are_run() {
        let (known, keys) = (KnownCalls::default(), Keys::default());
        let envelope = Envelope::new(Code::source("run"));
        let key = |path: &str| keys.of(path, "", &envelope);
        known.note_run(key("/run"));
        known.note_confirmed(key("/confirmed"));
        assert!(known.contains(key("/run")) && known.contains(key("/confirmed")));
        assert!(!known.contains(key("/other")));
        (0..20 * PLACES).for_each(|number| known.note_run(key(&format!("/{number}"))));
        assert!(!known.contains(key("/run")) && known.contains(key("/confirmed")));
    }
}
