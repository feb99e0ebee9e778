//! The connections of clients: how many there are, in all and from each address, and a word in the log
//! when there can be no more.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use owt_core::Error;
use parking_lot::Mutex;

/// How often the log says that there are too many connections, at the most.
const LOG_INTERVAL: Duration = Duration::from_secs(60);

/// How many connections an address beyond this machine may have, if nothing else is said.
const PER_REMOTE_ADDRESS: usize = 1000;

/// Counts connections. Those beyond the limit are not accepted, but wait until another one closes,
/// as they do with nginx and hyper behind a limit. Those of one address beyond its own limit are turned
/// away, so that it cannot take them all.
#[derive(Debug)]
pub(crate) struct Connections {
    limit: usize,
    /// `None`: a thousand, and no limit for this machine, whose programs and proxies share an address.
    per_address: Option<usize>,
    open: AtomicUsize,
    by_address: Mutex<HashMap<IpAddr, usize>>,
    accepted: AtomicU64,
    last_logged: Mutex<Option<Instant>>,
}

/// A connection that is open. Kept with what belongs to it.
#[derive(Debug)]
pub(super) struct Open {
    connections: Arc<Connections>,
    /// `None` where it is not counted.
    address: Option<IpAddr>,
}

impl Connections {
    /// At the most so many at a time, over all threads of the front.
    pub(crate) fn new(limit: usize, per_address: Option<usize>) -> Arc<Self> {
        let (open, by_address, accepted, last_logged) = Default::default();
        Arc::new(Self { limit, per_address, open, by_address, accepted, last_logged })
    }

    /// Counts a connection for as long as what is given back is kept.
    ///
    /// # Errors
    /// [`Error::TooManyConnections`] if its address has as many as it may.
    pub(super) fn open(self: &Arc<Self>, peer: Option<IpAddr>) -> Result<Open, Error> {
        self.accepted.fetch_add(1, Ordering::Relaxed);
        let address = self.take_place(peer)?;
        if self.open.fetch_add(1, Ordering::Relaxed) + 1 >= self.limit && self.may_log() {
            let limit = self.limit;
            tracing::warn!("all {limit} connections are taken, others wait; see --max-connections");
        }
        Ok(Open { connections: self.clone(), address })
    }

    /// Counts a connection with those of its address, if these are limited.
    fn take_place(&self, peer: Option<IpAddr>) -> Result<Option<IpAddr>, Error> {
        let Some(peer) = peer.map(|peer| peer.to_canonical()) else { return Ok(None) };
        let limit = match self.per_address {
            Some(limit) => limit,
            None if peer.is_loopback() => return Ok(None),
            None => PER_REMOTE_ADDRESS,
        };
        let address = network(peer);
        {
            let mut by_address = self.by_address.lock();
            let count = by_address.entry(address).or_default();
            if *count < limit {
                *count += 1;
                return Ok(Some(address));
            }
        }
        if self.may_log() {
            tracing::warn!(
                "{peer} has {limit} connections, more are turned away; see --max-connections-per-address"
            );
        }
        Err(Error::TooManyConnections { limit })
    }

    fn free_place(&self, address: IpAddr) {
        let mut by_address = self.by_address.lock();
        if let Some(count) = by_address.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                by_address.remove(&address);
            }
        }
    }

    pub(super) fn count(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    pub(super) fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    fn may_log(&self) -> bool {
        let mut last_logged = self.last_logged.lock();
        let is_time = last_logged.is_none_or(|at| at.elapsed() >= LOG_INTERVAL);
        if is_time {
            *last_logged = Some(Instant::now());
        }
        is_time
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.connections.open.fetch_sub(1, Ordering::Relaxed);
        self.address.into_iter().for_each(|address| self.connections.free_place(address));
    }
}

/// What counts as one address: with IPv6, the network of 64 bits that one customer gets at least.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64)).into(),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[test]
    fn a_connection_counts_while_it_is_open() {
        let connections = Connections::new(2, None);
        let open = connections.open(None).unwrap();
        assert_eq!((connections.count(), connections.accepted()), (1, 1));
        drop(open);
        assert_eq!((connections.count(), connections.accepted()), (0, 1));
    }

    fn address(text: &str) -> Option<IpAddr> {
        Some(text.parse().expect("it is an address"))
    }

    #[rstest]
    #[case::the_same("192.0.2.1", "192.0.2.1", true)]
    #[case::another("192.0.2.1", "192.0.2.2", false)]
    #[case::mapped("192.0.2.1", "::ffff:192.0.2.1", true)]
    #[case::another_of_the_network("2001:db8::1", "2001:db8::ffff:1", true)]
    #[case::another_network("2001:db8::1", "2001:db8:0:1::1", false)]
    #[case::loopback("127.0.0.1", "127.0.0.1", true)]
    fn an_address_has_so_many_connections_at_a_time(
        #[case] first: &str,
        #[case] second: &str,
        #[case] is_one: bool,
    ) {
        let connections = Connections::new(100, Some(1));
        let open = connections.open(address(first)).unwrap();
        let refused = connections.open(address(second)).err().map(|err| err.code());
        assert_eq!(refused, is_one.then_some("too-many-connections"));
        drop(open);
        assert!(connections.open(address(second)).is_ok());
        assert_eq!(connections.count(), 0);
        assert!(connections.by_address.lock().is_empty());
    }

    #[rstest]
    #[case::remote("192.0.2.1", PER_REMOTE_ADDRESS)]
    #[case::loopback("127.0.0.1", 2 * PER_REMOTE_ADDRESS)]
    #[case::loopback_6("::1", 2 * PER_REMOTE_ADDRESS)]
    fn by_default_the_programs_of_this_machine_are_not_limited(
        #[case] peer: &str,
        #[case] expected: usize,
    ) {
        let connections = Connections::new(usize::MAX, None);
        let open = (0..2 * PER_REMOTE_ADDRESS).map_while(|_| connections.open(address(peer)).ok());
        assert_eq!(open.collect::<Vec<_>>().len(), expected);
    }

    #[test]
    fn the_log_is_not_told_again_and_again() {
        let connections = Connections::new(1, None);
        assert!(connections.may_log());
        assert!(!connections.may_log());
    }
}
