//! The cache and the filling of its entries, together.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use owt_core::{
    CachePolicy, Call, Code, Envelope, Error, Failure, Headers, Reply, ReplyBody, ReplyHead,
    Request, Timing,
};
use tokio::sync::mpsc;
use tokio::task::{LocalSet, spawn_local, yield_now};

use super::entry::Reader;
use super::store::OVERHEAD;
use super::{Cache, fill};

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
        headers: Headers::default(),
        body: Bytes::new(),
        parts: None,
    };
    let envelope = Envelope::new(Code::source("run = 1"));
    Envelope { kwargs: Some(kwargs.to_owned()), ..envelope }.into_call(request)
}

const RULE: CachePolicy = CachePolicy { with_kwargs: false, key: None };

fn head(status: u16) -> ReplyHead {
    ReplyHead {
        member: None,
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

async fn read(mut reader: Reader) -> Result<Vec<u8>, &'static str> {
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
    let (reader, ticket) = cache.find(call, rule, false);
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
async fn a_result_that_is_larger_than_the_cache_pushes_nothing_out() {
    let cache = Cache::new(OVERHEAD + 76, None);
    get(&cache, &call("/small", ""), &RULE, b"small").await;
    get(&cache, &call("/large", ""), &RULE, &[b'x'; 77]).await;
    assert!(get(&cache, &call("/large", ""), &RULE, &[b'x'; 77]).await.1);
    assert_eq!(get(&cache, &call("/small", ""), &RULE, b"x").await, (b"small".to_vec(), false));
    assert_eq!(cache.stats().bytes, OVERHEAD + 5);
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
    assert_eq!(cache.stats().bytes, OVERHEAD + 3);
}

#[tokio::test]
async fn errors_reach_all_who_wait_and_kept_for_nobody() {
    let cache = Cache::new(1 << 20, None);
    let (first, ticket) = cache.find(&call("/", ""), &RULE, false);
    let (second, none) = cache.find(&call("/", ""), &RULE, false);
    assert!(none.is_none());
    fill(ticket.unwrap(), async { Err::<Reply<Chunks>, _>(Error::QueueFull.into()) }).await;
    assert_eq!(read(first).await, Err("queue-full"));
    assert_eq!(read(second).await, Err("queue-full"));
    let (reader, ticket) = cache.find(&call("/", ""), &RULE, false);
    fill(ticket.unwrap(), async { whole(404, b"no") }).await;
    assert_eq!(read(reader).await, Ok(b"no".to_vec()));
    assert!(get(&cache, &call("/", ""), &RULE, b"yes").await.1);
}

/// A call that fills an entry with this failure under this limit, and what another one gets that waits for it.
async fn joined(
    cache: &Arc<Cache>,
    limits: [Option<Duration>; 2],
    err: Error,
) -> Result<bool, &'static str> {
    let [first, second] = limits.map(|timeout| Call { timeout, ..call("/", "") });
    let (_reader, ticket) = cache.find(&first, &RULE, false);
    let (mut reader, none) = cache.find(&second, &RULE, false);
    assert!(none.is_none());
    fill(ticket.unwrap(), async { Err::<Reply<Chunks>, _>(err.into()) }).await;
    let start = reader.join(second.timeout).await;
    start.map(|start| start.is_some()).map_err(|failure| failure.error.code())
}

#[tokio::test]
async fn an_error_is_not_for_all_if_it_is_of_the_limit_of_one() {
    let cache = Cache::new(1 << 20, None);
    let [one, two] = [1, 2].map(Duration::from_secs);
    let deadline = |limit| Error::Deadline { limit };
    for (limits, err, expected) in [
        ([Some(one), None], deadline(one), Ok(false)),
        ([Some(one), Some(two)], deadline(one), Ok(false)),
        ([Some(one), Some(one)], deadline(one), Err("deadline")),
        ([Some(two), Some(one)], deadline(two), Err("deadline")),
        // That of the server.
        ([None, None], deadline(one), Err("deadline")),
        ([Some(two), None], deadline(one), Err("deadline")),
        ([None, None], Error::Cancelled, Ok(false)),
        ([Some(one), None], Error::QueueFull, Err("queue-full")),
    ] {
        assert_eq!(joined(&cache, limits, err.clone()).await, expected, "{limits:?} {err:?}");
    }
}

#[tokio::test]
async fn one_that_looks_again_waits_for_none_that_may_end_too_early_again() {
    let cache = Cache::new(1 << 20, None);
    let [short, long] =
        [Some(Duration::from_secs(1)), None].map(|timeout| Call { timeout, ..call("/", "") });
    let (_short, ticket) = cache.find(&short, &RULE, false);
    assert!(cache.find(&long, &RULE, false).1.is_none());
    let (_long, replacing) = cache.find(&long, &RULE, true);
    assert!(
        cache.find(&short, &RULE, true).1.is_none() && cache.find(&long, &RULE, true).1.is_none()
    );
    fill(replacing.unwrap(), async { whole(200, b"long") }).await;
    fill(ticket.unwrap(), async { whole(200, b"short") }).await;
    assert_eq!(get(&cache, &long, &RULE, b"x").await, (b"long".to_vec(), false));
}

#[tokio::test]
async fn one_that_waits_for_another_call_gives_up_at_its_limit() {
    let cache = Cache::new(1 << 20, None);
    let (mut first, ticket) = cache.find(&call("/", ""), &RULE, false);
    let (mut second, _) = cache.find(&call("/", ""), &RULE, false);
    let failure = second.join(Some(Duration::ZERO)).await.map(drop).unwrap_err();
    assert_eq!(failure.error.code(), "deadline");
    let (sender, reply) = streamed();
    sender.send(Ok(Bytes::from_static(b"a"))).unwrap();
    LocalSet::new()
        .run_until(async {
            let filling = spawn_local(fill(ticket.unwrap(), async { Ok(reply) }));
            assert_eq!(first.next().await.unwrap().unwrap(), "a");
            // What is there is given, and then the error once.
            assert!(second.join(Some(Duration::ZERO)).await.unwrap().is_some());
            assert_eq!(second.next().await.unwrap().unwrap(), "a");
            assert_eq!(second.next().await.unwrap().unwrap_err().code(), "deadline");
            assert!(second.next().await.is_none());
            drop(sender);
            assert!(first.next().await.is_none());
            filling.await.unwrap();
        })
        .await;
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
            let (mut first, ticket) = cache.find(&call("/", ""), &RULE, false);
            let filling = spawn_local(fill(ticket.unwrap(), async { Ok(reply) }));
            sender.send(Ok(Bytes::from_static(b"a"))).unwrap();
            assert_eq!(first.next().await.unwrap().unwrap(), "a");
            let (second, none) = cache.find(&call("/", ""), &RULE, false);
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
    let (reader, ticket) = cache.find(&call("/", ""), &RULE, false);
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
            let (reader, ticket) = cache.find(&call("/", ""), &RULE, false);
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
            let (mut reader, ticket) = cache.find(&call("/", ""), &RULE, false);
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
