//! Passes the messages of one agent on to a server, and the answers back: a message is a line, each way.

use std::collections::HashMap;
use std::io;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use owt_client::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use owt_client::{Client, Reply};
use serde_json::Value;
use tokio::io::{AsyncWriteExt, stdin, stdout};
use tokio::sync::{Mutex, OwnedMutexGuard, mpsc};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::codec::{FramedRead, LinesCodec, LinesCodecError};
use tokio_util::sync::CancellationToken;

use super::message::{self, Answer, Message};

const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");

const INITIALIZE: &str = "initialize";

/// The longest line, in bytes: a server takes no longer message.
const MAX_LINE: usize = 4 << 20;

/// Answers that wait to be written.
const QUEUED: usize = 64;

/// How long what runs may take to end once the agent has closed its end, which it does when it has gone,
/// and a script when it has said everything.
const GRACE: Duration = Duration::from_secs(1);

/// What the server has said of the session, at its beginning.
#[derive(Debug, Default)]
struct Session {
    id: Option<HeaderValue>,
    version: Option<String>,
}

struct Bridge {
    client: Client,
    /// Held while it begins, so that what comes after that waits.
    session: Arc<Mutex<Session>>,
    answers: mpsc::Sender<String>,
}

/// Passes messages on until the agent closes its end. What runs then is cancelled.
///
/// # Errors
/// When standard input or output cannot be used.
pub(super) async fn run(client: Client) -> io::Result<()> {
    let (answers, to_write) = mpsc::channel(QUEUED);
    let bridge = Arc::new(Bridge { client, session: Arc::default(), answers });
    let mut writing = tokio::spawn(write(to_write));
    tokio::select! {
        read = read(bridge) => read?,
        written = &mut writing => return written?,
    }
    // Nobody adds to what is there.
    writing.await?
}

async fn read(bridge: Arc<Bridge>) -> io::Result<()> {
    let mut lines = FramedRead::new(stdin(), LinesCodec::new_with_max_length(MAX_LINE));
    // Dropped with all that is in it.
    let mut requests = JoinSet::new();
    let mut running: HashMap<String, CancellationToken> = HashMap::new();
    // Behind an error it says once that there is nothing more, though there is.
    let mut was_too_long = false;
    loop {
        let line = match lines.next().await {
            Some(line) => line,
            None if mem::take(&mut was_too_long) => continue,
            None => break,
        };
        while requests.try_join_next().is_some() {}
        running.retain(|_, request| !request.is_cancelled());
        let message = match line {
            Ok(line) if line.trim().is_empty() => continue,
            Ok(line) => Message::parse(line),
            Err(LinesCodecError::MaxLineLengthExceeded) => {
                was_too_long = true;
                Err(message::too_long(MAX_LINE))
            }
            Err(LinesCodecError::Io(err)) => return Err(err),
        };
        let message = match message {
            Ok(message) => message,
            Err(answer) => {
                let _ = bridge.answers.send(answer).await;
                continue;
            }
        };
        if let Some(id) = message.cancelled() {
            // To close its connection is how a call is cancelled over HTTP.
            running.remove(&id.to_string()).inspect(CancellationToken::cancel);
            continue;
        }
        let over = CancellationToken::new();
        if let Some(id) = message.id() {
            running.insert(id.to_string(), over.clone());
        }
        // Here, so that no later message comes before it.
        let begins = (message.method() == INITIALIZE)
            .then(|| bridge.session.clone().try_lock_owned().ok())
            .flatten();
        requests.spawn(bridge.clone().pass_on(message, begins, over));
    }
    let _ = timeout(GRACE, async { while requests.join_next().await.is_some() {} }).await;
    Ok(())
}

async fn write(mut answers: mpsc::Receiver<String>) -> io::Result<()> {
    let mut stdout = stdout();
    while let Some(mut answer) = answers.recv().await {
        answer.push('\n');
        stdout.write_all(answer.as_bytes()).await?;
        stdout.flush().await?;
    }
    Ok(())
}

impl Bridge {
    /// Sends a message, and writes what is answered. `over` ends it, and is set when it has ended.
    async fn pass_on(
        self: Arc<Self>,
        message: Message,
        begins: Option<OwnedMutexGuard<Session>>,
        over: CancellationToken,
    ) {
        let id = message.id().cloned();
        tokio::select! {
            outcome = self.exchange(message, begins) => {
                if let (Err(problem), Some(id)) = (outcome, id) {
                    let _ = self.answers.send(message::failed(&id, &problem)).await;
                }
            }
            () = over.cancelled() => {}
        }
        over.cancel();
    }

    /// Gives what went wrong on the way.
    async fn exchange(
        &self,
        message: Message,
        mut begins: Option<OwnedMutexGuard<Session>>,
    ) -> Result<(), String> {
        let id = message.id().cloned();
        let headers = match &begins {
            Some(_) => message.headers(None),
            None => {
                let session = self.session.lock().await;
                let mut headers = message.headers(session.version.as_deref());
                headers.extend(session.id.clone().map(|id| (SESSION, id)));
                headers
            }
        };
        let reply = self.client.mcp(headers, message.into_line());
        let reply = reply.await.map_err(|err| err.to_string())?;
        if let Some(session) = &mut begins {
            session.id = reply.headers().get(SESSION).cloned();
        }
        match id {
            None => Ok(()),
            Some(id) if is(&reply, "text/event-stream") => self.pass_events_back(reply, &id).await,
            Some(_) => self.pass_back(reply, begins).await,
        }
    }

    async fn pass_back(
        &self,
        reply: Reply,
        begins: Option<OwnedMutexGuard<Session>>,
    ) -> Result<(), String> {
        let (is_json, status) = (is(&reply, "application/json"), reply.status());
        let text = reply.text().await.map_err(|err| err.to_string())?;
        let answer = Answer::parse(&text).filter(|_| is_json);
        let answer = answer.ok_or_else(|| format!("the server says {status}: {}", text.trim()))?;
        if let Some(mut session) = begins {
            session.version = answer.protocol_version();
        }
        let _ = self.answers.send(answer.into_line()).await;
        Ok(())
    }

    async fn pass_events_back(&self, reply: Reply, id: &Value) -> Result<(), String> {
        let mut events = reply.events().map_err(|err| err.to_string())?;
        while let Some(event) = events.next().await {
            let data = event.map_err(|err| err.to_string())?.data;
            if data.is_empty() {
                continue; // It says when to connect again, which nobody does.
            }
            let said = Answer::parse(&data).ok_or("the server has sent what is no message")?;
            let is_last = said.is_to(id);
            let _ = self.answers.send(said.into_line()).await;
            if is_last {
                return Ok(());
            }
        }
        Err("the answer has broken off".to_owned())
    }
}

fn is(reply: &Reply, media_type: &str) -> bool {
    let value = reply.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    value.is_some_and(|value| value.starts_with(media_type))
}
