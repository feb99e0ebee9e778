//! A front that serves on a port of its own, and a client.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use owt_core::Digest;
use owt_core::codec::encode_url;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::super::*;
use super::executor::{MemoryExecutor, Recorded};
use crate::cache::Cache;
use crate::memory_budget::MemoryBudget;
use crate::waiting::Waiting;

pub(super) struct Server {
    pub(super) address: SocketAddr,
    pub(super) state: Arc<AppState>,
    pub(super) recorded: Arc<Recorded>,
    pub(super) uploads: TempDir,
    handle: ServerHandle,
}

/// Starts a server with everything as it is by default.
pub(super) fn start() -> Server {
    start_with(|_| {})
}

pub(super) fn start_with(change: impl FnOnce(&mut AppState)) -> Server {
    // Where all crates are built together, reqwest has TLS. All but the first have no effect.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let address = listener.local_addr().expect("it is bound");
    let uploads = TempDir::new().expect("there is room for a folder");
    let mut state = state(address, &uploads);
    change(&mut state);
    let (state, recorded) = (Arc::new(state), Arc::<Recorded>::default());
    let (for_front, for_executor) = (state.clone(), recorded.clone());
    let server = listen(Listener::Tcp(listener), settings(), move || {
        Front::new(for_front.clone(), MemoryExecutor::new(for_executor.clone()))
    });
    let server = server.expect("the socket can be used");
    let handle = server.handle();
    actix_web::rt::spawn(server);
    Server { address, state, recorded, uploads, handle }
}

fn settings() -> ConnectionSettings {
    ConnectionSettings {
        tls: None,
        threads: 1,
        max_connections: 100,
        max_streams: 100,
        head_timeout: Duration::from_secs(10),
        write_timeout: Duration::from_secs(10),
        keep_alive: Duration::from_secs(10),
        grace: Duration::from_secs(1),
    }
}

fn state(address: SocketAddr, uploads: &TempDir) -> AppState {
    AppState {
        takes_data_only: false,
        guard: Guard::new(
            address.ip(),
            Auth::new(vec![], None).expect("it has no file"),
            vec![],
            vec![],
        ),
        confirmations: Confirmations::new(Place::default(), false),
        signed_urls: SignedUrls::open(None).expect("there is no file to read"),
        approval: None,
        routes: Routes::default(),
        limits: RequestLimits { kwargs: None, ..RequestLimits::default() },
        max_body: 8 << 20,
        memory_budget: MemoryBudget::new(16 << 20),
        uploads: uploads.path().to_owned(),
        static_files: None,
        has_page: true,
        takes_code_from_agents: true,
        running_tools: Arc::default(),
        access_log: false,
        cache: Cache::new(1 << 20, None),
        joined: Waiting::default(),
        jobs: Jobs::new(JobLimits::default()),
        connections: Connections::new(100, None),
        head_timeout: Duration::from_secs(10),
        body_timeout: Duration::from_secs(10),
        write_timeout: Duration::from_secs(10),
        request_ids: RequestIds::new(),
        counters: RequestCounters::default(),
        drain: Drain::default(),
    }
}

impl Server {
    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The URL that runs some code.
    pub(super) fn run(&self, code: &str) -> String {
        self.url(&format!("/?code_b64={}", encode_url(code.as_bytes())))
    }

    pub(super) async fn get(&self, url: String) -> reqwest::Response {
        reqwest::get(url).await.expect("the server answers")
    }

    pub(super) async fn text(&self, url: String) -> String {
        self.get(url).await.text().await.expect("the answer is whole")
    }

    /// Sends bytes as they are, and gives all that comes until the server closes the connection.
    pub(super) async fn raw(&self, request: &str) -> String {
        let mut socket = TcpStream::connect(self.address).await.expect("the server listens");
        let host = format!("\r\nHost: {}\r\n", self.address);
        let request = request.replace("\r\nHOST\r\n", &host);
        socket.write_all(request.as_bytes()).await.expect("the server reads");
        let mut answer = Vec::new();
        // A connection that is reset has said what it had to say.
        let _ = socket.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
    }
}

pub(super) fn header<'a>(response: &'a reqwest::Response, name: &str) -> Option<&'a str> {
    response.headers().get(name).map(|value| value.to_str().expect("it is ASCII"))
}

pub(super) fn digest(code: &str) -> String {
    Digest::of(code).to_string()
}
