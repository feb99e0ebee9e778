//! Following the progress of a call beside the call itself.

use std::sync::Arc;
use std::time::Duration;

use futures_util::TryStreamExt;
use owt_core::Progress;
use reqwest::Method;
use tokio::task::AbortHandle;
use tokio::time::sleep;

use crate::read_timeout::ReadTimeout;
use crate::{Client, Error, Events, Reply};

/// A call that is answered sooner is not followed.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// How long the longest pause is before the server is asked again for a call that does not run yet.
const MAX_PAUSE: Duration = Duration::from_secs(1);

/// What is told of the progress of a call.
pub(crate) type OnProgress = Arc<dyn Fn(Progress) + Send + Sync>;

/// Follows a call until that is over, or this is dropped.
pub(crate) struct Follower(AbortHandle);

impl Follower {
    /// Follows the call with this id, which may have to be sent yet.
    pub(crate) fn start(client: Client, id: String, tell: OnProgress) -> Follower {
        Follower(tokio::spawn(follow(client, id, tell)).abort_handle())
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Only the call itself says what becomes of it, so nothing that fails here is an error.
async fn follow(client: Client, id: String, tell: OnProgress) {
    let path = format!("calls/{id}/events");
    let mut pause = FIRST_PAUSE;
    loop {
        sleep(pause).await;
        match client.ask(Method::GET, (&path, None), ReadTimeout::default()).await {
            Err(Error::Server(err)) if err.code == "call-unknown" => {}
            reply => {
                let events = reply.and_then(Reply::events);
                return tell_all(events, &tell).await;
            }
        }
        pause = MAX_PAUSE.min(2 * pause);
    }
}

async fn tell_all(events: Result<Events, Error>, tell: &OnProgress) {
    let Ok(mut events) = events else { return };
    while let Ok(Some(event)) = events.try_next().await {
        match serde_json::from_str(&event.data) {
            Ok(progress) if event.event == "progress" => tell(progress),
            _ => return,
        }
    }
}
