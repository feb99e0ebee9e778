//! The entries by their keys: those that are being filled, and those that are kept.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clru::{CLruCache, CLruCacheConfig, WeightScale};
use owt_core::{CachePolicy, Call};
use parking_lot::{Mutex, MutexGuard};
use sha2::{Digest as _, Sha256};

use super::entry::{Entry, Reader};

/// What an entry costs besides its body, in bytes.
pub(super) const OVERHEAD: usize = 1024;

/// SHA-256 of everything that identifies a result.
type Key = [u8; 32];

#[derive(Debug)]
pub(crate) struct Cache {
    slots: Mutex<Slots>,
    /// How many bytes may be kept.
    limit: usize,
    /// How long a result is valid, if not for ever.
    ttl: Option<Duration>,
}

#[derive(Debug)]
struct Slots {
    /// Entries that are still incomplete: their size is not known, so they are never evicted.
    filling: HashMap<Key, Slot, foldhash::fast::RandomState>,
    complete: CLruCache<Key, Slot, foldhash::fast::RandomState, Bytes>,
    hits: u64,
    misses: u64,
}

/// Counters of the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CacheStats {
    pub(crate) hits: u64,
    pub(crate) misses: u64,
    /// Bytes of results that are kept.
    pub(crate) bytes: usize,
}

#[derive(Debug)]
struct Slot {
    entry: Arc<Entry>,
    created: Instant,
    /// The length of its body; 0 until it is complete.
    body: usize,
}

/// Weighs an entry in bytes. `CLruCache` adds one for each.
#[derive(Debug)]
struct Bytes;

impl WeightScale<Key, Slot> for Bytes {
    fn weight(&self, _key: &Key, slot: &Slot) -> usize {
        slot.body + OVERHEAD - 1
    }
}

/// An entry that is to be filled, and its place in the cache.
#[derive(Debug)]
pub(crate) struct Ticket {
    cache: Arc<Cache>,
    key: Key,
    entry: Arc<Entry>,
}

impl Cache {
    pub(crate) fn new(limit: usize, ttl: Option<Duration>) -> Arc<Self> {
        let slots = Mutex::new(Slots::with_limit(limit));
        Arc::new(Self { slots, limit, ttl })
    }

    /// Reads the reply of a call. With a ticket, there is none yet, and the caller has to
    /// [`fill`](super::fill()) it. With `reload`, an existing one is replaced, and with `again`, after the
    /// call that was to fill it has ended too early, one that may end too early as well.
    pub(crate) fn find(
        self: &Arc<Self>,
        call: &Call,
        rule: &CachePolicy,
        again: bool,
    ) -> (Reader, Option<Ticket>) {
        let key = key(call, rule);
        let mut slots = self.slots();
        if let Some(reader) = self.read(&mut slots, &key, call, again) {
            return (reader, None);
        }
        let entry = Arc::new(Entry::new(self.limit / 2, call.timeout));
        let slot = Slot { entry: entry.clone(), created: Instant::now(), body: 0 };
        slots.complete.pop(&key);
        slots.filling.insert(key, slot);
        (entry.reader(), Some(Ticket { cache: self.clone(), key, entry }))
    }

    /// Reads the reply of a call, if there is one: all that a HEAD may do, because its own reply is of
    /// no use to other methods.
    pub(crate) fn find_kept(&self, call: &Call, rule: &CachePolicy, again: bool) -> Option<Reader> {
        self.read(&mut self.slots(), &key(call, rule), call, again)
    }

    /// Begins to read while the lock is held, so that the entry cannot be given up as unread meanwhile.
    fn read(&self, slots: &mut Slots, key: &Key, call: &Call, again: bool) -> Option<Reader> {
        let slot = slots.get(key).filter(|slot| !call.reload && self.is_fresh(slot));
        let slot = slot.filter(|slot| !again || slot.entry.suits(call.timeout));
        let reader = slot.map(|slot| slot.entry.reader());
        match reader {
            Some(_) => slots.hits += 1,
            None => slots.misses += 1,
        }
        reader
    }

    pub(crate) fn stats(&self) -> CacheStats {
        let slots = self.slots();
        let bytes = slots.complete.weight() + slots.complete.len();
        CacheStats { hits: slots.hits, misses: slots.misses, bytes }
    }

    fn is_fresh(&self, slot: &Slot) -> bool {
        self.ttl.is_none_or(|ttl| slot.created.elapsed() < ttl)
    }

    fn slots(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock()
    }
}

impl Slots {
    fn with_limit(limit: usize) -> Self {
        let capacity = NonZeroUsize::new(limit).unwrap_or(NonZeroUsize::MIN);
        let config = CLruCacheConfig::new(capacity).with_hasher(Default::default());
        let complete = CLruCache::with_config(config.with_scale(Bytes));
        Self { filling: HashMap::default(), complete, hits: 0, misses: 0 }
    }

    fn get(&mut self, key: &Key) -> Option<&Slot> {
        self.complete.get(key).or_else(|| self.filling.get(key))
    }

    /// Takes out the slot of an entry that is being filled, unless another one has replaced it.
    fn take(&mut self, key: &Key, entry: &Arc<Entry>) -> Option<Slot> {
        self.filling.get(key).filter(|slot| Arc::ptr_eq(&slot.entry, entry))?;
        self.filling.remove(key)
    }
}

impl Ticket {
    pub(super) fn entry(&self) -> &Arc<Entry> {
        &self.entry
    }

    /// Keeps an entry that is complete, and makes room for it.
    pub(super) fn keep(&self, body: usize) {
        let mut slots = self.cache.slots();
        if let Some(slot) = slots.take(&self.key, &self.entry) {
            // One that is larger than the whole cache is not kept, and evicts nothing.
            let _ = slots.complete.put_with_weight(self.key, Slot { body, ..slot });
        }
    }

    /// Gives no new caller an entry that will not be complete. Those who read it go on.
    pub(super) fn discard(&self) {
        self.cache.slots().take(&self.key, &self.entry);
    }

    /// Does the same, unless somebody has begun to read it.
    pub(super) fn discard_unless_read(&self) -> bool {
        let mut slots = self.cache.slots();
        if self.entry.is_read() {
            return false;
        }
        slots.take(&self.key, &self.entry);
        true
    }
}

/// The key that the caller gave, or path, code and function, and the arguments if they count.
fn key(call: &Call, rule: &CachePolicy) -> Key {
    let digest = call.code.digest();
    let parts: [&[u8]; 7] = match &rule.key {
        Some(key) => [b"key", key.as_bytes(), b"", b"", b"", b"", b""],
        None => {
            let kwargs = call.kwargs.as_deref().filter(|_| rule.with_kwargs).unwrap_or_default();
            [
                b"call",
                call.request.path.as_bytes(),
                &digest.0,
                call.fn_name.as_bytes(),
                kwargs.as_bytes(),
                call.pool.as_deref().unwrap_or_default().as_bytes(),
                call.lock.as_deref().unwrap_or_default().as_bytes(),
            ]
        }
    };
    let mut hash = Sha256::new();
    for part in parts {
        // With their lengths, so that no two keys run into each other.
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}
