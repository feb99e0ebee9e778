//! Passes the messages of one agent on to a server, and the answers back: a message is a line, each way.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use futures_util::StreamExt;
use owt_client::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use owt_client::{Client, Reply};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, stdin, stdout};
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::message::{self, Message};

const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");

const INITIALIZE: &str = "initialize";

/// Answers that wait to be written.
const QUEUED: usize = 64;

/// What the server has said of the session, at its beginning.
#[derive(Debug, Default)]
struct Session {
    id: Option<HeaderValue>,
    version: Option<String>,
}

struct Bridge {
    client: Client,
    session: Mutex<Session>,
    answers: mpsc::Sender<String>,
}

/// Passes messages on until the agent closes its end. What runs then is cancelled.
///
/// # Errors
/// When standard input or output cannot be used.
pub(super) async fn run(client: Client) -> io::Result<()> {
    let (answers, to_write) = mpsc::channel(QUEUED);
    let bridge = Arc::new(Bridge { client, session: Mutex::default(), answers });
    tokio::select! {
        read = read(bridge) => read,
        written = write(to_write) => written,
    }
}

async fn read(bridge: Arc<Bridge>) -> io::Result<()> {
    let mut lines = BufReader::new(stdin()).lines();
    // Dropped with all that is in it.
    let mut requests = JoinSet::new();
    let mut running: HashMap<String, CancellationToken> = HashMap::new();
    while let Some(line) = lines.next_line().await? {
        if line.trim().is_empty() {
            continue;
        }
        while requests.try_join_next().is_some() {}
        running.retain(|_, request| !request.is_cancelled());
        let message = match Message::parse(&line) {
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
        if message.method() == INITIALIZE {
            // What comes after it is of the session that it begins.
            bridge.clone().pass_on(message, over).await;
        } else {
            requests.spawn(bridge.clone().pass_on(message, over));
        }
    }
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
    async fn pass_on(self: Arc<Self>, message: Message, over: CancellationToken) {
        let id = message.id().cloned();
        tokio::select! {
            outcome = self.exchange(message) => {
                if let (Err(problem), Some(id)) = (outcome, id) {
                    let _ = self.answers.send(message::failed(&id, &problem)).await;
                }
            }
            () = over.cancelled() => {}
        }
        over.cancel();
    }

    /// Gives what went wrong on the way.
    async fn exchange(&self, message: Message) -> Result<(), String> {
        let is_first = message.method() == INITIALIZE;
        let awaits_answer = message.id().is_some();
        let headers = self.headers(&message).await;
        let reply =
            self.client.mcp(headers, message.into_bytes()).await.map_err(|err| err.to_string())?;
        if is_first {
            self.session.lock().await.id = reply.headers().get(SESSION).cloned();
        }
        if !awaits_answer {
            return Ok(());
        }
        if is(&reply, "text/event-stream") {
            return self.pass_events_back(reply).await;
        }
        let (is_json, status) = (is(&reply, "application/json"), reply.status());
        let text = reply.text().await.map_err(|err| err.to_string())?;
        let answer: Option<Value> = serde_json::from_str(&text).ok().filter(|_| is_json);
        let answer = answer.ok_or_else(|| format!("the server says {status}: {}", text.trim()))?;
        if is_first {
            let version = answer["result"]["protocolVersion"].as_str().map(str::to_owned);
            self.session.lock().await.version = version;
        }
        // In one line, whatever it was.
        let _ = self.answers.send(answer.to_string()).await;
        Ok(())
    }

    async fn headers(&self, message: &Message) -> HeaderMap {
        let session = self.session.lock().await;
        let mut headers = message.headers(session.version.as_deref());
        if let Some(id) = &session.id {
            headers.insert(SESSION, id.clone());
        }
        headers
    }

    async fn pass_events_back(&self, reply: Reply) -> Result<(), String> {
        let mut events = reply.events().map_err(|err| err.to_string())?;
        while let Some(event) = events.next().await {
            let _ = self.answers.send(event.map_err(|err| err.to_string())?.data).await;
        }
        Ok(())
    }
}

fn is(reply: &Reply, media_type: &str) -> bool {
    let value = reply.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    value.is_some_and(|value| value.starts_with(media_type))
}
