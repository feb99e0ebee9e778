//! actix-web over the streams of this folder: for each thread of the front, what serves a socket.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::rc::Rc;
use std::time::Duration;

use actix_http::body::BoxBody;
use actix_http::error::DispatchError;
use actix_http::{HttpService, Request, Response, Version as HttpVersion};
use actix_server::GracefulShutdownSignal;
use actix_service::{
    IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt, apply_fn_factory, fn_service,
    map_config,
};
use actix_tls::accept::TlsError;
use actix_tls::accept::rustls_0_23::Acceptor;
use actix_web::dev::{AppConfig, Server, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::rt::net::{TcpStream, UnixStream};
use actix_web::{App, web};
use owt_core::{Control, Executor};
use rustls::ServerConfig;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite};

use super::super::Front;
use super::super::handler::handle;
use super::Exchange;
use super::admission::{Accepted, Admission};
use super::body::AnswerBody;
use super::stream::{LINGER, Stream, Timeouts, Version};
use super::unsent::limit_unsent;

/// What the front's connections are like.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) tls: Option<ServerConfig>,
    pub(crate) threads: usize,
    /// Over all threads.
    pub(crate) max_connections: usize,
    /// Of one connection of HTTP/2.
    pub(crate) max_streams: usize,
    pub(crate) head_timeout: Duration,
    pub(crate) write_timeout: Duration,
    pub(crate) keep_alive: Duration,
    /// How long answers may take once the server stops.
    pub(crate) grace: Duration,
}

impl Settings {
    fn timeouts(&self) -> Timeouts {
        Timeouts { head: self.head_timeout, write: self.write_timeout }
    }
}

/// What a server listens on.
pub(crate) enum Listener {
    Tcp(TcpListener),
    /// Without TLS: what goes over it does not leave the machine.
    Unix(UnixListener),
}

/// A client's socket.
trait Socket {
    /// Makes it ready, and gives the address of its client, if it has one.
    fn prepare(&self) -> Option<SocketAddr>;
}

impl Socket for TcpStream {
    /// The socket is made to send what it is given at once, and to take little that it cannot send.
    fn prepare(&self) -> Option<SocketAddr> {
        // Without these, answers are only slower.
        let _ = self.set_nodelay(true);
        let _ = limit_unsent(&SockRef::from(self));
        self.peer_addr().ok()
    }
}

impl Socket for UnixStream {
    fn prepare(&self) -> Option<SocketAddr> {
        None
    }
}

/// Serves each connection to `listener`. `front` is called once in each thread.
///
/// # Errors
/// When the socket cannot be used.
pub(crate) fn listen<E: Executor + Control + 'static>(
    listener: Listener,
    settings: Settings,
    front: impl Fn() -> Front<E> + Clone + Send + 'static,
) -> io::Result<Server> {
    let builder = Server::build()
        .workers(settings.threads)
        .max_concurrent_connections(settings.max_connections.div_ceil(settings.threads))
        .backlog(1024)
        .shutdown_timeout(settings.grace.as_secs_f64().ceil() as u64)
        .disable_signals();
    let signal = builder.graceful_shutdown_signal();
    let builder = match (listener, settings.tls.clone()) {
        (Listener::Unix(listener), _) => builder.listen_uds("unix", listener, move || {
            plain::<UnixStream, E>(&settings, front(), &signal)
        })?,
        (Listener::Tcp(listener), None) => builder
            .listen("http", listener, move || plain::<TcpStream, E>(&settings, front(), &signal))?,
        (Listener::Tcp(listener), Some(tls)) => builder.listen("https", listener, move || {
            encrypted(tls.clone(), &settings, front(), &signal)
        })?,
    };
    Ok(builder.run())
}

fn plain<T, E>(
    settings: &Settings,
    front: Front<E>,
    signal: &GracefulShutdownSignal,
) -> impl ServiceFactory<T, Config = (), Response = (), Error = DispatchError, InitError = ()> + use<T, E>
where
    T: Socket + AsyncRead + AsyncWrite + Unpin + 'static,
    E: Executor + Control + 'static,
{
    let http = http(settings, &front, signal);
    let admission = Admission::new(settings.timeouts(), front, false);
    fn_service(move |socket: T| {
        let (admission, peer) = (admission.clone(), socket.prepare());
        async move {
            match admission.open(peer) {
                Ok(open) => Ok(admission.admit(socket, Version::Http1, peer, open)),
                Err(err) => {
                    admission.turn_away(socket, &err).await;
                    Err(refused())
                }
            }
        }
    })
    .and_then(http)
}

fn encrypted<E: Executor + Control + 'static>(
    mut tls: ServerConfig,
    settings: &Settings,
    front: Front<E>,
    signal: &GracefulShutdownSignal,
) -> impl ServiceFactory<
    TcpStream,
    Config = (),
    Response = (),
    Error = TlsError<io::Error, DispatchError>,
    InitError = (),
> + use<E> {
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let http = http(settings, &front, signal);
    let admission = Admission::new(settings.timeouts(), front, true);
    let max_streams = u32::try_from(settings.max_streams).unwrap_or(u32::MAX);
    let acceptor = Acceptor::new(tls).map_err(TlsError::into_service_error);
    apply_fn_factory(acceptor, move |socket: TcpStream, acceptor: &_| {
        let (admission, peer) = (admission.clone(), socket.prepare());
        // Counted before its handshake, which its client can draw out for seconds. Without one, there is no
        // way to say why it is closed.
        let handshake = admission.open(peer).map(|open| (open, acceptor.call(socket)));
        async move {
            let (open, handshake) = handshake.map_err(|_| TlsError::Service(refused()))?;
            let socket = handshake.await?;
            let version = match socket.get_ref().1.alpn_protocol() {
                Some(b"h2") => Version::Http2 { max_streams },
                _ => Version::Http1,
            };
            Ok(admission.admit(socket, version, peer, open))
        }
    })
    .and_then(http.map_err(TlsError::Service))
}

/// What becomes of a connection that is turned away.
fn refused() -> DispatchError {
    DispatchError::Io(io::ErrorKind::ConnectionRefused.into())
}

/// What speaks HTTP.
fn http<T: AsyncRead + AsyncWrite + Unpin + 'static, E: Executor + Control + 'static>(
    settings: &Settings,
    front: &Front<E>,
    signal: &GracefulShutdownSignal,
) -> impl ServiceFactory<Accepted<T>, Config = (), Response = (), Error = DispatchError, InitError = ()>
+ use<T, E> {
    let app =
        App::new().app_data(web::ThinData(front.clone())).default_service(web::to(handle::<E>));
    let app = app.into_factory().map(followed).map_err(|err| err.error_response());
    let (front, signal) = (front.clone(), signal.clone());
    HttpService::build()
        .graceful_shutdown_signal(move || {
            let signal = signal.clone();
            async move { signal.notified().await }
        })
        .keep_alive(settings.keep_alive)
        .client_request_timeout(settings.head_timeout)
        .client_disconnect_timeout(LINGER)
        // A client that closes its end is gone, and its call is cancelled.
        .h1_allow_half_closed(false)
        .on_connect_ext(|stream: &Stream<T>, data| {
            data.insert(stream.exchange().clone());
        })
        .expect(fn_service(move |request: Request| expected(front.clone(), request)))
        .finish(map_config(app, |()| AppConfig::default()))
}

/// Asks for a body (`100 Continue`) only if the head is none that is refused.
async fn expected<E>(front: Front<E>, request: Request) -> Result<Request, actix_web::Error> {
    let Err(err) = front.admit_head(&request).await else { return Ok(request) };
    let exchange = request.conn_data::<Rc<Exchange>>();
    exchange.into_iter().for_each(|exchange| exchange.handle());
    let response = front.refuse(&err, request.head().headers());
    Err(InternalError::from_response(err, response).into())
}

/// An answer whose connection knows of it.
fn followed(response: ServiceResponse) -> Response<AnswerBody> {
    let request = response.request();
    let is_http1 = request.version() != HttpVersion::HTTP_2;
    let exchange = request.conn_data::<Rc<Exchange>>().filter(|_| is_http1).cloned();
    let mut response: Response<BoxBody> = response.into();
    if exchange.as_ref().is_some_and(|exchange| !exchange.is_received()) {
        response.head_mut().set_connection_type(actix_http::ConnectionType::Close);
    }
    response.map_body(|_, body| AnswerBody::new(body, exchange))
}
