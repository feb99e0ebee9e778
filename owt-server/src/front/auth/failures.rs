//! Wrong passwords and tokens, counted by the address that they come from: each makes the next ones from
//! there wait longer, and the log says so.

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use clru::CLruCache;
use parking_lot::Mutex;
use tokio::time::sleep;

use super::known::Fingerprint;

/// Addresses that are kept in mind; the one that failed longest ago is forgotten first.
const MAX_ADDRESSES: NonZeroUsize = NonZeroUsize::new(4096).expect("it is not zero");

/// Failures that cost no time, as people mistype passwords.
const FREE: u32 = 2;

/// The pause after the first failure beyond those. It doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// The longest pause for failures alone.
const MAX_FOR_FAILURES: Duration = Duration::from_secs(2);

/// What each other request that waits at the same address adds, so that many connections guess little
/// faster than one.
const PAUSE_PER_WAITING: Duration = Duration::from_millis(50);

/// The longest pause of all: who is right gets in, whatever others do at the same address.
const MAX_PAUSE: Duration = Duration::from_secs(10);

/// Failures that count at all, and how long it takes until one of them is forgiven.
const MAX_COUNTED: u32 = 12;
const FORGIVEN_AFTER: Duration = Duration::from_secs(10);

/// How often the log tells of one address, at the most.
const LOG_INTERVAL: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Failures(Mutex<CLruCache<Origin, Record>>);

/// An address, or the network of an IPv6 address, which is one customer's. None is a Unix socket.
type Origin = Option<IpAddr>;

#[derive(Debug)]
struct Record {
    count: u32,
    /// Since when the count is this.
    since: Instant,
    /// What was wrong. A program that goes on sending it is not guessing.
    last: Fingerprint,
    waiting: u32,
    unlogged: u32,
    logged: Option<Instant>,
}

/// A request that waits.
struct Waiting<'a> {
    failures: &'a Failures,
    origin: Origin,
}

impl Failures {
    pub(super) fn new() -> Self {
        Self(Mutex::new(CLruCache::new(MAX_ADDRESSES)))
    }

    /// Waits as long as the failures of an address say.
    pub(super) async fn pause(&self, address: Option<IpAddr>) {
        let origin = origin(address);
        let Some(pause) = self.enter(origin, Instant::now()) else { return };
        let _waiting = Waiting { failures: self, origin };
        sleep(pause).await;
    }

    fn enter(&self, origin: Origin, now: Instant) -> Option<Duration> {
        let mut records = self.0.lock();
        let record = records.get_mut(&origin)?;
        record.forgive(now);
        let pause = record.pause()?;
        record.waiting += 1;
        Some(pause)
    }

    /// Whether this was wrong a moment ago.
    pub(super) fn is_last(&self, address: Option<IpAddr>, fingerprint: &Fingerprint) -> bool {
        let records = self.0.lock();
        records.peek(&origin(address)).is_some_and(|record| record.last == *fingerprint)
    }

    /// Counts a failure, and logs it.
    pub(super) fn count(&self, address: Option<IpAddr>, fingerprint: Fingerprint) {
        let logged = self.count_at(origin(address), fingerprint, Instant::now());
        let Some((unlogged, pause)) = logged else { return };
        let place = address.map_or_else(|| "the Unix socket".to_owned(), |ip| ip.to_string());
        let pause = pause.unwrap_or_default().as_secs_f64();
        tracing::warn!(
            "wrong password or token from {place} ({unlogged} since the last such line); \
             the next from there waits {pause} s"
        );
    }

    fn count_at(
        &self,
        origin: Origin,
        fingerprint: Fingerprint,
        now: Instant,
    ) -> Option<(u32, Option<Duration>)> {
        let mut records = self.0.lock();
        if !records.contains(&origin) {
            records.put(origin, Record::new(now));
        }
        let record = records.get_mut(&origin)?;
        record.forgive(now);
        if record.last != fingerprint {
            record.count = (record.count + 1).min(MAX_COUNTED);
        }
        record.last = fingerprint;
        record.unlogged += 1;
        let is_time = record.logged.is_none_or(|at| now.duration_since(at) >= LOG_INTERVAL);
        is_time.then(|| {
            record.logged = Some(now);
            (std::mem::take(&mut record.unlogged), record.pause())
        })
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(record) = self.failures.0.lock().get_mut(&self.origin) {
            record.waiting = record.waiting.saturating_sub(1);
        }
    }
}

impl Record {
    fn new(now: Instant) -> Self {
        let (count, waiting, unlogged, logged) = Default::default();
        Self { count, since: now, last: Fingerprint::default(), waiting, unlogged, logged }
    }

    fn forgive(&mut self, now: Instant) {
        let passed = now.duration_since(self.since).as_secs() / FORGIVEN_AFTER.as_secs();
        if passed > 0 {
            self.count = self.count.saturating_sub(u32::try_from(passed).unwrap_or(u32::MAX));
            self.since = now;
        }
    }

    fn pause(&self) -> Option<Duration> {
        let doublings = self.count.checked_sub(FREE + 1)?;
        let for_failures = (FIRST_PAUSE * 2u32.pow(doublings)).min(MAX_FOR_FAILURES);
        Some((for_failures + PAUSE_PER_WAITING * self.waiting).min(MAX_PAUSE))
    }
}

fn origin(address: Option<IpAddr>) -> Origin {
    match address?.to_canonical() {
        IpAddr::V6(ip) => {
            let network = ip.to_bits() & !u128::from(u64::MAX);
            Some(Ipv6Addr::from_bits(network).into())
        }
        ip => Some(ip),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn guess(number: u8) -> Fingerprint {
        [number; 32]
    }

    fn guess_up_to(last: u8, failures: &Failures, now: Instant) {
        for number in 1..=last {
            failures.count_at(HERE, guess(number), now);
        }
    }

    fn millis(pause: Option<Duration>) -> u128 {
        pause.unwrap_or_default().as_millis()
    }

    const HERE: Origin = Some(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST));

    #[test]
    fn each_guess_makes_the_next_wait_longer() {
        let (failures, now) = (Failures::new(), Instant::now());
        let pauses = (1..=12).map(|number| {
            failures.count_at(HERE, guess(number), now);
            let pause = failures.enter(HERE, now);
            drop(Waiting { failures: &failures, origin: HERE });
            millis(pause)
        });
        let expected = [0, 0, 50, 100, 200, 400, 800, 1600, 2000, 2000, 2000, 2000];
        assert_eq!(pauses.collect::<Vec<_>>(), expected);
        assert_eq!(failures.enter(None, now), None);
    }

    #[test]
    fn the_same_mistake_again_counts_once() {
        let (failures, now) = (Failures::new(), Instant::now());
        for _ in 0..100 {
            failures.count_at(HERE, guess(1), now);
        }
        assert_eq!(failures.enter(HERE, now), None);
        assert!(failures.is_last(HERE, &guess(1)));
        assert!(!failures.is_last(HERE, &guess(2)));
    }

    #[test]
    fn many_that_wait_make_each_other_wait_but_not_for_ever() {
        let (failures, now) = (Failures::new(), Instant::now());
        guess_up_to(12, &failures, now);
        let pauses: Vec<_> = (0..1000).map(|_| millis(failures.enter(HERE, now))).collect();
        assert_eq!(pauses[..3], [2000, 2050, 2100]);
        assert_eq!(pauses[160..], [10_000; 840]);
    }

    #[test]
    fn failures_are_forgiven_one_by_one() {
        let (failures, now) = (Failures::new(), Instant::now());
        guess_up_to(5, &failures, now);
        let after = |seconds| {
            let pause = failures.enter(HERE, now + Duration::from_secs(seconds));
            drop(Waiting { failures: &failures, origin: HERE });
            millis(pause)
        };
        assert_eq!([0, 10, 20, 30].map(after), [200, 100, 50, 0]);
    }

    #[test]
    fn the_log_is_told_once_a_second_and_of_all() {
        let (failures, now) = (Failures::new(), Instant::now());
        let logged = |number, millis| {
            let at = now + Duration::from_millis(millis);
            failures.count_at(HERE, guess(number), at).map(|(count, _)| count)
        };
        let found = [logged(1, 0), logged(2, 1), logged(3, 999), logged(4, 1000)];
        assert_eq!(found, [Some(1), None, None, Some(3)]);
    }

    #[test]
    fn what_is_kept_in_mind_is_bounded() {
        let (failures, now) = (Failures::new(), Instant::now());
        for number in 0..10_000 {
            let address = Some(std::net::Ipv4Addr::from_bits(number).into());
            failures.count_at(address, guess(1), now);
        }
        assert_eq!(failures.0.lock().len(), MAX_ADDRESSES.get());
    }

    #[rstest]
    #[case("10.0.0.1", "10.0.0.1")]
    #[case("::ffff:10.0.0.1", "10.0.0.1")]
    #[case("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::")]
    #[case("::1", "::")]
    fn an_ipv6_network_is_one_origin(#[case] address: &str, #[case] expected: &str) {
        assert_eq!(origin(address.parse().ok()), expected.parse().ok());
    }
}
