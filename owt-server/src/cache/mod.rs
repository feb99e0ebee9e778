//! The result cache: replies of calls that ask for it (`use_cache`), kept in the front, so that the
//! second call of the same key runs no Python.
//!
//! However many ask for one key at a time, it is computed once: the first call begins an [`Entry`],
//! all of them read from it, and it is kept once it is whole. Errors are not kept.

mod entry;

use std::sync::Arc;
use std::time::{Duration, Instant};

use lru::LruCache;
use owt_core::{CachePolicy, Call};
use parking_lot::{Mutex, MutexGuard};
use sha2::{Digest as _, Sha256};

use entry::Entry;
pub(crate) use entry::{Reader, fill};

/// What an entry costs besides its body, in bytes.
const OVERHEAD: usize = 1024;

/// Under what a result is kept: SHA-256 of all that the key is made of.
type Key = [u8; 32];

#[derive(Debug)]
pub(crate) struct Cache {
    kept: Mutex<Kept>,
    /// How many bytes are kept at the most.
    limit: usize,
    /// How long a result is given, if not for ever.
    ttl: Option<Duration>,
}

#[derive(Debug)]
struct Kept {
    entries: LruCache<Key, Slot>,
    bytes: usize,
    hits: u64,
    misses: u64,
}

/// How much the cache was of use.
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
    born: Instant,
    /// What it counts for in the limit; nothing before it is whole.
    bytes: usize,
}

/// An entry that is to be filled, and where it belongs.
#[derive(Debug)]
pub(crate) struct Ticket {
    cache: Arc<Cache>,
    key: Key,
    entry: Arc<Entry>,
}

impl Cache {
    pub(crate) fn new(limit: usize, ttl: Option<Duration>) -> Arc<Self> {
        let kept = Kept { entries: LruCache::unbounded(), bytes: 0, hits: 0, misses: 0 };
        Arc::new(Self { kept: Mutex::new(kept), limit, ttl })
    }

    /// Reads the reply of a call. With a ticket, there is none yet, and the caller has to
    /// [`fill`] it. With `reload`, what is there is not taken, but replaced.
    pub(crate) fn find(
        self: &Arc<Self>,
        call: &Call,
        rule: &CachePolicy,
    ) -> (Reader, Option<Ticket>) {
        let key = key(call, rule);
        let mut kept = self.kept();
        if let Some(reader) = self.read(&mut kept, &key, call) {
            return (reader, None);
        }
        let entry = Arc::new(Entry::new(self.limit / 2));
        let slot = Slot { entry: entry.clone(), born: Instant::now(), bytes: 0 };
        let replaced = kept.entries.put(key, slot);
        kept.bytes -= replaced.map_or(0, |slot| slot.bytes);
        (entry.reader(), Some(Ticket { cache: self.clone(), key, entry }))
    }

    /// Reads the reply of a call, if there is one. A HEAD, whose own reply is nobody else's, takes no
    /// more than that.
    pub(crate) fn find_kept(&self, call: &Call, rule: &CachePolicy) -> Option<Reader> {
        self.read(&mut self.kept(), &key(call, rule), call)
    }

    /// Looks under this lock, so that what is found is not given up as unread just now.
    fn read(&self, kept: &mut Kept, key: &Key, call: &Call) -> Option<Reader> {
        let slot = kept.entries.get(key).filter(|slot| !call.reload && self.is_fresh(slot));
        let reader = slot.map(|slot| slot.entry.reader());
        match reader {
            Some(_) => kept.hits += 1,
            None => kept.misses += 1,
        }
        reader
    }

    pub(crate) fn stats(&self) -> CacheStats {
        let Kept { bytes, hits, misses, .. } = *self.kept();
        CacheStats { hits, misses, bytes }
    }

    fn is_fresh(&self, slot: &Slot) -> bool {
        self.ttl.is_none_or(|ttl| slot.born.elapsed() < ttl)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock()
    }
}

impl Ticket {
    /// Keeps an entry that is whole, and makes room for it.
    fn keep(&self, body: usize) {
        let mut kept = self.cache.kept();
        let kept = &mut *kept;
        let Some(slot) = kept.entries.peek_mut(&self.key) else { return };
        if !Arc::ptr_eq(&slot.entry, &self.entry) {
            return; // It has been replaced meanwhile.
        }
        slot.bytes = body + OVERHEAD;
        kept.bytes += slot.bytes;
        while kept.bytes > self.cache.limit {
            let Some((_, oldest)) = kept.entries.pop_lru() else { return };
            kept.bytes -= oldest.bytes;
        }
    }

    /// Gives no new caller an entry that will not be whole. Those who read it go on.
    fn discard(&self) {
        self.discard_from(&mut self.cache.kept());
    }

    /// Does the same, unless somebody has begun to read it.
    fn discard_unless_read(&self) -> bool {
        let mut kept = self.cache.kept();
        if self.entry.is_read() {
            return false;
        }
        self.discard_from(&mut kept);
        true
    }

    fn discard_from(&self, kept: &mut Kept) {
        let is_ours = |slot: &Slot| Arc::ptr_eq(&slot.entry, &self.entry);
        if kept.entries.peek(&self.key).is_some_and(is_ours) {
            let slot = kept.entries.pop(&self.key);
            kept.bytes -= slot.map_or(0, |slot| slot.bytes);
        }
    }
}

/// The key that was given, or path, code and function, and the arguments if they count.
fn key(call: &Call, rule: &CachePolicy) -> Key {
    let digest = call.code.digest();
    let parts: [&[u8]; 5] = match &rule.key {
        Some(key) => [b"key", key.as_bytes(), b"", b"", b""],
        None => {
            let kwargs = call.kwargs.as_deref().filter(|_| rule.with_kwargs).unwrap_or_default();
            [
                b"call",
                call.request.path.as_bytes(),
                &digest.0,
                call.fn_name.as_bytes(),
                kwargs.as_bytes(),
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

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use bytes::Bytes;
    use futures_util::{StreamExt, stream};
    use owt_core::{Code, Envelope, Error, Failure, Reply, ReplyBody, ReplyHead, Request, Timing};
    use tokio::sync::mpsc;
    use tokio::task::{LocalSet, spawn_local, yield_now};

    use super::*;

    type Chunks = stream::BoxStream<'static, Result<Bytes, Error>>;

    fn call(path: &str, kwargs: &str) -> Call {
        let request = Request {
            id: String::new(),
            method: "GET".to_owned(),
            scheme: "http".to_owned(),
            host: "localhost".to_owned(),
            path: path.to_owned(),
            query: String::new(),
            remote_addr: String::new(),
            headers: Vec::new(),
            body: Bytes::new(),
            parts: None,
        };
        let envelope = Envelope::new(Code::source("run = 1"));
        Envelope { kwargs: Some(kwargs.to_owned()), ..envelope }.into_call(request)
    }

    const RULE: CachePolicy = CachePolicy { with_kwargs: false, key: None };

    fn head(status: u16) -> ReplyHead {
        ReplyHead {
            status,
            headers: Vec::new(),
            length: None,
            digest: owt_core::Digest::of(""),
            timing: Timing::default(),
        }
    }

    fn whole(status: u16, body: &'static [u8]) -> Result<Reply<Chunks>, Failure> {
        Ok(Reply { head: head(status), body: ReplyBody::Whole(Bytes::from_static(body)) })
    }

    async fn read(reader: Reader) -> Result<Vec<u8>, &'static str> {
        reader.start().await.map_err(|failure| failure.error.code())?;
        let chunks: Vec<_> = reader.collect().await;
        let chunks: Result<Vec<_>, _> = chunks.into_iter().collect();
        Ok(chunks.map_err(|err| err.code())?.concat())
    }

    /// Makes a call whose reply, if it has to be computed, is this; and whether it had to be.
    async fn get(
        cache: &Arc<Cache>,
        call: &Call,
        rule: &CachePolicy,
        body: &'static [u8],
    ) -> (Vec<u8>, bool) {
        let (reader, ticket) = cache.find(call, rule);
        let is_computed = ticket.is_some();
        if let Some(ticket) = ticket {
            fill(ticket, async { whole(200, body) }).await;
        }
        (read(reader).await.unwrap(), is_computed)
    }

    #[tokio::test]
    async fn the_second_call_of_a_key_is_not_computed() {
        let cache = Cache::new(1 << 20, None);
        assert_eq!(get(&cache, &call("/", "1"), &RULE, b"one").await, (b"one".to_vec(), true));
        assert_eq!(get(&cache, &call("/", "2"), &RULE, b"two").await, (b"one".to_vec(), false));
    }

    #[tokio::test]
    async fn path_arguments_and_override_make_the_key() {
        let cache = Cache::new(1 << 20, None);
        let with_kwargs = CachePolicy { with_kwargs: true, key: None };
        let keyed = |key: &str| CachePolicy { with_kwargs: true, key: Some(key.to_owned()) };
        let cases = [
            ("/", "1", with_kwargs.clone(), true),
            ("/", "1", with_kwargs.clone(), false),
            ("/", "2", with_kwargs.clone(), true),
            ("/other", "1", with_kwargs, true),
            ("/", "1", keyed("a"), true),
            ("/elsewhere", "9", keyed("a"), false),
            ("/", "1", keyed("b"), true),
        ];
        for (path, kwargs, rule, is_computed) in cases {
            let found = get(&cache, &call(path, kwargs), &rule, b"x").await;
            assert_eq!(found.1, is_computed, "{path} {kwargs} {rule:?}");
        }
    }

    #[tokio::test]
    async fn what_is_used_least_makes_room() {
        let cache = Cache::new(3 * (OVERHEAD + 8), None);
        for path in ["/1", "/2", "/3", "/1", "/4"] {
            get(&cache, &call(path, ""), &RULE, b"12345678").await;
        }
        let mut computed = Vec::new();
        for path in ["/1", "/3", "/4", "/2"] {
            computed.push(get(&cache, &call(path, ""), &RULE, b"x").await.1);
        }
        assert_eq!(computed, [false, false, false, true]);
    }

    #[tokio::test]
    async fn a_result_is_too_old_after_its_time_and_after_a_reload() {
        let cache = Cache::new(1 << 20, Some(Duration::ZERO));
        assert!(get(&cache, &call("/", ""), &RULE, b"x").await.1);
        assert!(get(&cache, &call("/", ""), &RULE, b"x").await.1);
        let cache = Cache::new(1 << 20, None);
        let reload = Call { reload: true, ..call("/", "") };
        assert!(get(&cache, &reload, &RULE, b"old").await.1);
        assert!(get(&cache, &reload, &RULE, b"new").await.1);
        assert_eq!(get(&cache, &call("/", ""), &RULE, b"x").await, (b"new".to_vec(), false));
        assert_eq!(cache.kept().bytes, OVERHEAD + 3);
    }

    #[tokio::test]
    async fn errors_are_told_to_all_who_wait_and_kept_for_nobody() {
        let cache = Cache::new(1 << 20, None);
        let (first, ticket) = cache.find(&call("/", ""), &RULE);
        let (second, none) = cache.find(&call("/", ""), &RULE);
        assert!(none.is_none());
        fill(ticket.unwrap(), async { Err::<Reply<Chunks>, _>(Error::QueueFull.into()) }).await;
        assert_eq!(read(first).await, Err("queue-full"));
        assert_eq!(read(second).await, Err("queue-full"));
        let (reader, ticket) = cache.find(&call("/", ""), &RULE);
        fill(ticket.unwrap(), async { whole(404, b"no") }).await;
        assert_eq!(read(reader).await, Ok(b"no".to_vec()));
        assert!(get(&cache, &call("/", ""), &RULE, b"yes").await.1);
    }

    /// A reply whose chunks the test sends, and whether it has been dropped.
    fn streamed() -> (mpsc::UnboundedSender<Result<Bytes, Error>>, Reply<Chunks>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let chunks = stream::unfold(receiver, |mut receiver| async move {
            receiver.recv().await.map(|chunk| (chunk, receiver))
        });
        (sender, Reply { head: head(200), body: ReplyBody::Stream(chunks.boxed()) })
    }

    #[tokio::test]
    async fn a_stream_is_read_by_all_while_it_comes_and_kept_when_it_is_whole() {
        let tasks = LocalSet::new();
        let (sender, reply) = streamed();
        tasks
            .run_until(async {
                let cache = Cache::new(1 << 20, None);
                let (mut first, ticket) = cache.find(&call("/", ""), &RULE);
                let filling = spawn_local(fill(ticket.unwrap(), async { Ok(reply) }));
                sender.send(Ok(Bytes::from_static(b"a"))).unwrap();
                assert_eq!(first.next().await.unwrap().unwrap(), "a");
                let (second, none) = cache.find(&call("/", ""), &RULE);
                assert!(none.is_none());
                sender.send(Ok(Bytes::from_static(b"b"))).unwrap();
                drop(sender);
                assert_eq!(first.next().await.unwrap().unwrap(), "b");
                assert!(first.next().await.is_none());
                assert_eq!(read(second).await, Ok(b"ab".to_vec()));
                filling.await.unwrap();
                assert_eq!(get(&cache, &call("/", ""), &RULE, b"x").await, (b"ab".to_vec(), false));
            })
            .await;
    }

    #[tokio::test]
    async fn a_stream_that_breaks_off_is_not_kept() {
        let cache = Cache::new(1 << 20, None);
        let (reader, ticket) = cache.find(&call("/", ""), &RULE);
        let (sender, reply) = streamed();
        sender.send(Ok(Bytes::from_static(b"a"))).unwrap();
        sender.send(Err(Error::AdaptorRaised(String::new()))).unwrap();
        fill(ticket.unwrap(), async { Ok(reply) }).await;
        assert_eq!(read(reader).await, Err("adaptor-raised"));
        assert!(get(&cache, &call("/", ""), &RULE, b"x").await.1);
    }

    #[tokio::test]
    async fn a_call_that_nobody_reads_any_more_is_dropped() {
        struct Alive(Rc<Cell<bool>>);
        impl Drop for Alive {
            fn drop(&mut self) {
                self.0.set(false);
            }
        }
        let is_running = Rc::new(Cell::new(true));
        let alive = Alive(is_running.clone());
        LocalSet::new()
            .run_until(async move {
                let cache = Cache::new(1 << 20, None);
                let (reader, ticket) = cache.find(&call("/", ""), &RULE);
                let endless = async move {
                    let _alive = alive;
                    std::future::pending::<Result<Reply<Chunks>, Failure>>().await
                };
                let filling = spawn_local(fill(ticket.unwrap(), endless));
                yield_now().await;
                drop(reader);
                filling.await.unwrap();
                assert!(!is_running.get());
                assert!(get(&cache, &call("/", ""), &RULE, b"x").await.1);
            })
            .await;
    }

    #[tokio::test]
    async fn what_is_too_large_to_keep_is_held_back_for_its_slowest_reader() {
        LocalSet::new()
            .run_until(async {
                let chunk = Bytes::from(vec![b'x'; 100 << 10]);
                let cache = Cache::new(200 << 10, None);
                let (mut reader, ticket) = cache.find(&call("/", ""), &RULE);
                let (sender, reply) = streamed();
                for _ in 0..100 {
                    sender.send(Ok(chunk.clone())).unwrap();
                }
                drop(sender);
                let filling = spawn_local(fill(ticket.unwrap(), async { Ok(reply) }));
                for _ in 0..200 {
                    yield_now().await;
                }
                assert!(reader.held() < 600 << 10, "{} bytes are held", reader.held());
                let mut read = 0;
                while let Some(chunk) = reader.next().await {
                    read += chunk.unwrap().len();
                }
                assert_eq!(read, 100 * chunk.len());
                filling.await.unwrap();
                assert!(get(&cache, &call("/", ""), &RULE, b"x").await.1);
            })
            .await;
    }
}
