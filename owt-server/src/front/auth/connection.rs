//! Where a request comes from, and what its connection has shown before.

use std::cell::Cell;
use std::net::IpAddr;

use super::caller::Caller;
use super::known::Fingerprint;

/// The last `Authorization` that was right on a connection.
#[derive(Debug, Default)]
pub(crate) struct Trust(Cell<Option<(Fingerprint, Caller)>>);

/// The other end of a request.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Peer<'a> {
    /// None over a Unix socket.
    pub(crate) address: Option<IpAddr>,
    pub(crate) trust: Option<&'a Trust>,
}

impl Peer<'_> {
    /// Who calls, if the same was right on this connection before.
    pub(super) fn trusted(&self, fingerprint: &Fingerprint) -> Option<Caller> {
        let (known, caller) = self.trust?.0.get()?;
        (known == *fingerprint).then_some(caller)
    }

    pub(super) fn trust(&self, fingerprint: Fingerprint, caller: Caller) {
        if let Some(trust) = self.trust {
            trust.0.set(Some((fingerprint, caller)));
        }
    }
}
