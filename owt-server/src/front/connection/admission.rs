//! Whether a client may have one more connection.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use actix_http::Protocol;
use owt_core::Error;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use super::super::Front;
use super::super::connections::Open;
use super::stream::{Refuse, Stream, Timeouts, Version};
use super::{Exchange, refusal};

/// How long a client that is turned away has to read why.
const TURN_AWAY_TIMEOUT: Duration = Duration::from_secs(1);

/// A socket of which it is known what is spoken over it.
pub(super) type Accepted<T> = (Stream<T>, Protocol, Option<SocketAddr>);

/// Lets connections in, or turns them away.
pub(super) struct Admission<E> {
    front: Front<E>,
    refuse: Refuse,
    timeouts: Timeouts,
    is_secure: bool,
}

impl<E: 'static> Admission<E> {
    pub(super) fn new(timeouts: Timeouts, front: Front<E>, is_secure: bool) -> Rc<Self> {
        let for_refusals = front.clone();
        let refuse: Refuse = Rc::new(move |refused| refusal::answer(&for_refusals, refused));
        Rc::new(Self { front, refuse, timeouts, is_secure })
    }

    /// Counts a connection while it is open.
    ///
    /// # Errors
    /// If its client has too many.
    pub(super) fn open(&self, peer: Option<SocketAddr>) -> Result<Open, Error> {
        self.front.state.connections.open(peer.map(|peer| peer.ip()))
    }

    /// Lets in a connection that counts.
    pub(super) fn admit<T: AsyncRead + AsyncWrite + Unpin>(
        &self,
        socket: T,
        version: Version,
        peer: Option<SocketAddr>,
        open: Open,
    ) -> Accepted<T> {
        let exchange = Exchange::new(self.is_secure, peer.map(|peer| peer.ip()), open);
        let protocol = match version {
            Version::Http1 => Protocol::Http1,
            Version::Http2 { .. } => Protocol::Http2,
        };
        let stream = Stream::new(socket, version, exchange, self.timeouts, self.refuse.clone());
        (stream, protocol, peer)
    }

    /// Says in HTTP/1 why a connection is closed.
    pub(super) async fn turn_away<T: AsyncRead + AsyncWrite + Unpin>(
        &self,
        mut socket: T,
        err: &Error,
    ) {
        let answer = refusal::unread(&self.front, err);
        let told = async {
            socket.write_all(&answer).await?;
            socket.shutdown().await?;
            // Closed while something of the client's is unread, it might never see the answer.
            tokio::io::copy(&mut socket, &mut tokio::io::sink()).await
        };
        let _ = tokio::time::timeout(TURN_AWAY_TIMEOUT, told).await;
    }
}
