//! The connections of one thread to members: HTTP/2 where TLS agrees on it (ALPN), else HTTP/1.1. Each is
//! used again while it is open.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_core::stream::LocalBoxStream;
use hyper::body::{Body, Frame, Incoming};
use hyper::client::conn::{http1, http2};
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use owt_core::Error;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::member::Member;

/// How long a member may take until a connection to it is there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// A connection that nobody has used for so long may have been closed by the member meanwhile.
const MAX_IDLE: Duration = Duration::from_secs(15);

/// How many bytes a member may send ahead over HTTP/2, on a stream and in all.
const WINDOW: u32 = 1 << 20;

/// Where nobody listens.
pub(super) const REFUSED: &str = "it refuses connections";

/// What has ended is not there to answer.
const CUT: &str = "it has closed the connection";

/// The body of a request, which need not leave its thread.
pub(super) struct OutBody(pub(super) LocalBoxStream<'static, Result<Bytes, Error>>);

impl Body for OutBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        self.0.as_mut().poll_next(cx).map(|next| next.map(|chunk| chunk.map(Frame::data)))
    }
}

/// Why a request has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SendError {
    /// Nothing of it was sent.
    Unreached(Arc<str>),
    /// The member may have seen something of it.
    Lost(Arc<str>),
}

/// Runs what belongs to connections of HTTP/2 on this thread.
#[derive(Debug, Clone)]
struct LocalExecutor;

impl<F: Future + 'static> hyper::rt::Executor<F> for LocalExecutor {
    fn execute(&self, future: F) {
        tokio::task::spawn_local(async move { drop(future.await) });
    }
}

/// A way to send requests over one connection.
enum Sender {
    Http1(http1::SendRequest<OutBody>),
    Http2(http2::SendRequest<OutBody>),
}

#[derive(Default)]
struct OfMember {
    idle: Vec<(http1::SendRequest<OutBody>, Instant)>,
    shared: Option<http2::SendRequest<OutBody>>,
}

pub(super) struct Connections {
    tls: Arc<ClientConfig>,
    members: RefCell<HashMap<Arc<str>, OfMember>>,
}

/// A connection of HTTP/1.1 whose answer is being read.
pub(super) struct Busy {
    connections: Rc<Connections>,
    member: Arc<str>,
    sender: http1::SendRequest<OutBody>,
}

impl Busy {
    /// Lets others use it: the answer has been read to its end.
    pub(super) fn release(self) {
        let Self { connections, member, sender } = self;
        if !sender.is_closed() {
            let mut members = connections.members.borrow_mut();
            members.entry(member).or_default().idle.push((sender, Instant::now()));
        }
    }
}

impl Connections {
    pub(super) fn new(tls: Arc<ClientConfig>) -> Rc<Self> {
        Rc::new(Self { tls, members: RefCell::default() })
    }

    /// Forgets what there is of a member that has gone.
    pub(super) fn forget(&self, is_gone: impl Fn(&str) -> bool) {
        self.members.borrow_mut().retain(|name, _| !is_gone(name));
    }

    /// Sends a request, and gives its answer with what it came over.
    pub(super) async fn send(
        self: &Rc<Self>,
        member: &Member,
        mut request: Request<OutBody>,
    ) -> Result<(Response<Incoming>, Option<Busy>), SendError> {
        loop {
            let outcome = match self.sender(member).await? {
                Sender::Http1(mut sender) => match sender.try_send_request(request).await {
                    Ok(response) => {
                        let (connections, member) = (self.clone(), member.name.clone());
                        return Ok((response, Some(Busy { connections, member, sender })));
                    }
                    Err(err) => err,
                },
                Sender::Http2(mut sender) => match sender.try_send_request(request).await {
                    Ok(response) => return Ok((response, None)),
                    Err(err) => err,
                },
            };
            let mut err = outcome;
            // An idle connection had been closed by the member before anything was sent over it.
            match err.take_message() {
                Some(unsent) => request = unsent,
                None => return Err(SendError::Lost(words(err.error()))),
            }
        }
    }

    async fn sender(&self, member: &Member) -> Result<Sender, SendError> {
        while let Some(sender) = self.used(&member.name) {
            match sender {
                Sender::Http1(mut sender) => {
                    // It may have the end of its last answer still to see.
                    if sender.ready().await.is_ok() {
                        return Ok(Sender::Http1(sender));
                    }
                }
                sender => return Ok(sender),
            }
        }
        let connecting = timeout(CONNECT_TIMEOUT, self.connect(member)).await;
        let unreached = |err: io::Error| SendError::Unreached(words(&err));
        let slow = || io::Error::new(io::ErrorKind::TimedOut, "it takes no connection");
        let sender = connecting.unwrap_or_else(|_| Err(slow())).map_err(unreached)?;
        if let Sender::Http2(sender) = &sender {
            let mut members = self.members.borrow_mut();
            members.entry(member.name.clone()).or_default().shared = Some(sender.clone());
        }
        Ok(sender)
    }

    /// A connection that is there and, as far as is known, open.
    fn used(&self, member: &Arc<str>) -> Option<Sender> {
        let mut members = self.members.borrow_mut();
        let of_member = members.get_mut(member)?;
        if let Some(sender) = of_member.shared.take_if(|sender| sender.is_closed()) {
            drop(sender);
        }
        if let Some(sender) = &of_member.shared {
            return Some(Sender::Http2(sender.clone()));
        }
        of_member.idle.retain(|(sender, since)| !sender.is_closed() && since.elapsed() < MAX_IDLE);
        of_member.idle.pop().map(|(sender, _)| Sender::Http1(sender))
    }

    async fn connect(&self, member: &Member) -> io::Result<Sender> {
        let stream = TcpStream::connect((&*member.url.host, member.url.port)).await?;
        stream.set_nodelay(true)?;
        if !member.url.is_tls {
            return http1(stream).await;
        }
        let name = ServerName::try_from(member.host.to_string()).map_err(io::Error::other)?;
        let stream = TlsConnector::from(self.tls.clone()).connect(name, stream).await?;
        match stream.get_ref().1.alpn_protocol() == Some(b"h2") {
            true => http2(stream).await,
            false => http1(stream).await,
        }
    }
}

async fn http1(stream: impl AsyncRead + AsyncWrite + Unpin + 'static) -> io::Result<Sender> {
    let (sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    tokio::task::spawn_local(async move { drop(connection.await) });
    Ok(Sender::Http1(sender))
}

async fn http2(stream: impl AsyncRead + AsyncWrite + Unpin + 'static) -> io::Result<Sender> {
    let (sender, connection) = http2::Builder::new(LocalExecutor)
        .timer(TokioTimer::new())
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(16 * WINDOW)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(io::Error::other)?;
    tokio::task::spawn_local(async move { drop(connection.await) });
    Ok(Sender::Http2(sender))
}

/// The innermost reason, as the end of a sentence.
pub(super) fn words(err: &(dyn std::error::Error + 'static)) -> Arc<str> {
    let mut cause = err;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let is_cut = cause.downcast_ref().is_some_and(hyper::Error::is_incomplete_message);
    match cause.downcast_ref::<io::Error>().map(io::Error::kind) {
        Some(io::ErrorKind::ConnectionRefused) => REFUSED.into(),
        Some(
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::UnexpectedEof,
        ) => CUT.into(),
        _ if is_cut => CUT.into(),
        _ => cause.to_string().into(),
    }
}
