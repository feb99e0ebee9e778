//! One named endpoint: its file, which is read again when it changes. A change is served once a worker has
//! loaded it; until then, and if that fails, the former text goes on.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use actix_web::http::Method;
use actix_web::web;
use bytes::Bytes;
use owt_core::{
    Call, CallGuard, Code, Digest, Entry, Envelope, Error, Executor, FileName, Headers, ReplyBody,
    Request,
};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::time::timeout;

use super::config::RouteConfig;
use super::error::RouteError;

/// How often it is looked for a change, at most.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// How long calls wait for a change to be loaded; then the former text answers them.
const PATIENCE: Duration = Duration::from_secs(2);

/// A file that was written to so long ago may be half written, and an empty one so long; so often it is
/// waited for at most.
const WRITING: Duration = Duration::from_millis(10);
const EMPTY: Duration = Duration::from_millis(50);
const MAX_WAITS: usize = 20;

/// A file larger than this is no adaptor.
const MAX_SOURCE: u64 = 16 << 20;

#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(super) config: RouteConfig,
    methods: Vec<Method>,
    /// What picks its worker: the same one for all texts of the file, so that what these have made by name
    /// (`once`) is there after an edit.
    home: Digest,
    /// Whether its file is read again.
    reloads: bool,
    state: Mutex<State>,
    /// Held while a change is loaded, so that one call does so for all.
    loading: tokio::sync::Mutex<()>,
}

#[derive(Debug, Clone)]
struct State {
    code: Code,
    stamp: Option<Stamp>,
    looked: Instant,
    /// Why the newest text of the file is not served.
    stale: Option<Arc<str>>,
    /// What a worker has said of the function.
    description: Option<Arc<Value>>,
}

/// What differs once a file has been written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    file: (u64, u64),
    len: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// What an endpoint serves now.
pub(in crate::front) struct Current {
    pub(in crate::front) code: Code,
    /// Why that is not the newest text of its file.
    pub(super) stale: Option<Arc<str>>,
}

impl Endpoint {
    pub(super) fn open(config: &RouteConfig, reloads: bool) -> Result<Self, RouteError> {
        let (code, stamp) = read(&config.file).map_err(|cause| RouteError::File {
            path: config.path.clone(),
            file: config.file.clone(),
            cause,
        })?;
        let methods = config.methods.iter().filter_map(|name| name.parse().ok()).collect();
        let (looked, stamp) = (Instant::now(), Some(stamp));
        let state = State { code, stamp, looked, stale: None, description: None };
        let (config, state) = (config.clone(), Mutex::new(state));
        let home = Digest::of(&config.file.to_string_lossy());
        Ok(Self { config, methods, home, reloads, state, loading: tokio::sync::Mutex::default() })
    }

    pub(crate) fn path(&self) -> &str {
        &self.config.path
    }

    pub(in crate::front) fn methods(&self) -> impl Iterator<Item = &str> {
        self.methods.iter().map(Method::as_str)
    }

    /// The method of a call that nobody has made over HTTP: one with a body, if it answers any.
    pub(in crate::front) fn method_for_arguments(&self) -> Method {
        let has_body = |method: &&Method| !matches!(**method, Method::GET | Method::DELETE);
        let first = self.methods.iter().find(has_body).or(self.methods.first());
        first.cloned().unwrap_or(Method::POST)
    }

    /// What picks its worker.
    pub(in crate::front) fn home(&self) -> Digest {
        self.home
    }

    /// Whether a request of this method is for it: a HEAD is a GET without its body.
    pub(super) fn answers(&self, method: &Method) -> bool {
        let method = if method == Method::HEAD { &Method::GET } else { method };
        self.methods.contains(method)
    }

    /// A method that another route of the same path answers, too.
    pub(super) fn shared_method(&self, other: &RouteConfig) -> Option<String> {
        let is_same = other.path == self.config.path;
        let shared = other.methods.iter().find(|method| self.config.methods.contains(method));
        shared.filter(|_| is_same).cloned()
    }

    /// What to serve. A change is loaded by the call that sees it first; others wait a moment for that.
    pub(in crate::front) async fn current<E: Executor>(&self, executor: &E) -> Current {
        if self.reloads && self.is_time_to_look() {
            let _ = timeout(PATIENCE, self.reload(executor)).await;
        }
        let state = self.state.lock();
        Current { code: state.code.clone(), stale: state.stale.clone() }
    }

    fn is_time_to_look(&self) -> bool {
        let mut state = self.state.lock();
        // Who loads a change has looked, and is waited for.
        let is_time = state.looked.elapsed() >= LOOK_INTERVAL;
        if is_time {
            state.looked = Instant::now();
        }
        is_time || self.loading.try_lock().is_err()
    }

    async fn reload<E: Executor>(&self, executor: &E) {
        let _loading = self.loading.lock().await;
        let (file, known) = (self.config.file.clone(), self.state.lock().stamp);
        // The disk may keep it waiting.
        let look = move || match stamp(&file) {
            Ok(stamp) if Some(stamp) == known => Ok(None),
            Ok(_) => read(&file).map(Some),
            Err(err) => Err(err),
        };
        match web::block(look).await {
            Ok(Ok(None)) | Err(_) => {}
            Ok(Ok(Some((code, stamp)))) => self.load(executor, code, stamp).await,
            Ok(Err(err)) => self.keep(None, &format!("it cannot be read: {err}")),
        }
    }

    /// Has a worker load a text, and serves it if that succeeds.
    async fn load<E: Executor>(&self, executor: &E, code: Code, stamp: Stamp) {
        if code == self.state.lock().code {
            let mut state = self.state.lock();
            (state.stamp, state.stale) = (Some(stamp), None);
            return;
        }
        match self.described(executor, code.clone()).await {
            Ok(description) => {
                let mut state = self.state.lock();
                let (stamp, description) = (Some(stamp), Some(Arc::new(description)));
                let looked = state.looked;
                *state = State { code, stamp, looked, stale: None, description };
                tracing::info!("{}: {} has changed", self.path(), self.config.file.display());
            }
            // That says nothing of the text: the next call tries again.
            Err(err) if err.status() == 503 || matches!(err, Error::Cancelled) => {}
            Err(err) => self.keep(Some(stamp), &err.sentence()),
        }
    }

    /// Goes on with the former text, and says why.
    fn keep(&self, stamp: Option<Stamp>, problem: &str) {
        let problem = in_a_line(problem);
        let mut state = self.state.lock();
        let stale =
            format!("{} has changed, and is not served: {problem}", self.config.file.display());
        if state.stale.as_deref() != Some(&stale) {
            tracing::warn!("{}: {stale}", self.path());
        }
        (state.stamp, state.stale) = (stamp.or(state.stamp), Some(stale.into()));
    }

    /// What a worker says of the function, which it loads for that.
    pub(in crate::front) async fn description<E: Executor>(
        &self,
        executor: &E,
    ) -> Result<Arc<Value>, Error> {
        let Current { code, .. } = self.current(executor).await;
        if let Some(known) = self.state.lock().description.clone() {
            return Ok(known);
        }
        let description = Arc::new(self.described(executor, code.clone()).await?);
        let mut state = self.state.lock();
        if state.code == code {
            state.description = Some(description.clone());
        }
        Ok(description)
    }

    async fn described<E: Executor>(&self, executor: &E, code: Code) -> Result<Value, Error> {
        let call = self.envelope(code).into_call(nobody());
        let call = Box::new(Call { entry: Entry::Description, home: Some(self.home), ..call });
        let reply = executor.execute(call, None, CallGuard::default()).await;
        match reply.map_err(|failure| failure.error)?.body {
            ReplyBody::Whole(json) => Ok(serde_json::from_slice(&json).unwrap_or_default()),
            ReplyBody::Stream(_) => Ok(Value::Null),
        }
    }

    /// What a request to it would have sent of its own.
    pub(in crate::front) fn envelope(&self, code: Code) -> Envelope {
        let config = &self.config;
        Envelope {
            fn_name: config.fn_name.clone(),
            name: FileName::new(&config.file.to_string_lossy()),
            pool: config.pool.clone(),
            keep_alive: config.keep_alive,
            timeout: config.timeout,
            use_cache: config.use_cache,
            ..Envelope::new(code)
        }
    }
}

/// The beginning of a sentence, and what Python says at its end, as one line.
pub(super) fn in_a_line(text: &str) -> String {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or_default();
    lines.next_back().map_or_else(|| first.to_owned(), |last| format!("{first} {last}"))
}

/// The request of a call that nobody has made.
fn nobody() -> Request {
    Request {
        id: String::new(),
        method: "GET".to_owned(),
        scheme: "http".to_owned(),
        host: String::new(),
        path: "/".to_owned(),
        query: String::new(),
        remote_addr: String::new(),
        headers: Headers::default(),
        body: Bytes::new(),
        parts: None,
    }
}

fn read(file: &Path) -> io::Result<(Code, Stamp)> {
    // Before it is read, so that a change meanwhile is seen at the next look.
    let stamp = written(file)?;
    if stamp.len > MAX_SOURCE {
        return Err(io::Error::other(format!("it has more than {MAX_SOURCE} bytes")));
    }
    Ok((Code::source(&fs::read_to_string(file)?), stamp))
}

/// The stamp of a file, once nobody writes to it: many editors empty it first.
fn written(file: &Path) -> io::Result<Stamp> {
    for _ in 0..MAX_WAITS {
        let found = fs::metadata(file)?;
        let limit = if found.len() == 0 { EMPTY } else { WRITING };
        match found.modified()?.elapsed() {
            Ok(age) if age < limit => thread::sleep(WRITING / 2),
            _ => break,
        }
    }
    stamp(file)
}

fn stamp(file: &Path) -> io::Result<Stamp> {
    let found = fs::metadata(file)?;
    Ok(Stamp {
        file: (found.dev(), found.ino()),
        len: found.len(),
        modified: (found.mtime(), found.mtime_nsec()),
        changed: (found.ctime(), found.ctime_nsec()),
    })
}
