//! The bytes that jobs take together, each counted until nothing holds it any more: a reply may still be on
//! its way to a slow reader after its job was dropped.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

#[derive(Debug)]
pub(super) struct Room {
    pub(super) limit: usize,
    used: AtomicUsize,
}

/// A part of the room, until this is dropped.
#[derive(Debug)]
pub(super) struct Held {
    room: Arc<Room>,
    bytes: usize,
}

impl Room {
    pub(super) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, used: AtomicUsize::new(0) })
    }

    pub(super) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    pub(super) fn hold_nothing(self: &Arc<Self>) -> Held {
        Held { room: self.clone(), bytes: 0 }
    }
}

impl Held {
    /// Whether so much more would fit if nobody else held anything.
    pub(super) fn could_grow(&self, bytes: usize) -> bool {
        self.bytes.saturating_add(bytes) <= self.room.limit
    }

    /// Takes so much more, if it is free.
    pub(super) fn grow(&mut self, bytes: usize) -> bool {
        let used = &self.room.used;
        let more = |used: usize| used.checked_add(bytes).filter(|sum| *sum <= self.room.limit);
        let is_free = used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok();
        if is_free {
            self.bytes += bytes;
        }
        is_free
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.room.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
