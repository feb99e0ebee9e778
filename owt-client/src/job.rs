//! Calls that go on without their client, and what becomes of them.

use std::fmt;
use std::time::{Duration, Instant};

use owt_core::{Digest, Progress};
use reqwest::Method;
use reqwest::header::HeaderValue;
use serde::{Deserialize, Deserializer, de};

use crate::progress::{Follower, OnProgress};
use crate::read_timeout::ReadTimeout;
use crate::{Call, Client, Error, Reply};

const JOB: &str = "owt-job";
const JOB_STATE: &str = "owt-job-state";

/// How long one request waits for the end of a job.
const WAIT: Duration = Duration::from_secs(60);

/// A call that runs, or has run, without its client. [`Call::submit`] makes one.
///
/// It is at the server, for as long as that keeps its reply: dropping this changes nothing of it. The same
/// job is had again by its id, with [`Client::job`].
///
/// # Examples
///
/// ```no_run
/// use owt_client::{Adaptor, Client};
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), owt_client::Error> {
///
/// let client = Client::new("localhost:9876")?;
/// let adaptor = Adaptor::from_source("def run(): ...");
/// let job = client.call(&adaptor).submit().await?;
/// println!("{} is {}", job.id(), job.status().await?.state);
/// println!("{}", job.result().await?.text().await?);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Job<C = Client> {
    pub(crate) client: C,
    pub(crate) id: String,
    pub(crate) on_progress: Option<OnProgress>,
}

/// How far a job has come.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct JobStatus {
    /// Its id.
    pub id: String,
    /// Whether it runs, or how it has ended.
    pub state: JobState,
    /// The digest of its code.
    pub digest: Digest,
    /// The method of its call.
    pub method: String,
    /// The path of its call.
    pub path: String,
    /// How long ago it was submitted.
    #[serde(deserialize_with = "seconds")]
    pub age: Duration,
    /// What its code reports, while it runs.
    #[serde(default)]
    pub progress: Option<Progress>,
    /// How long ago it ended.
    #[serde(default, deserialize_with = "optional_seconds")]
    pub ended: Option<Duration>,
    /// The HTTP status of its reply, or of the error.
    #[serde(default)]
    pub status: Option<u16>,
    /// How many bytes its reply has.
    #[serde(default)]
    pub bytes: Option<u64>,
}

/// Whether a job runs, or how it has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum JobState {
    /// It waits or runs.
    Running,
    /// There is a reply, whatever its status.
    Done,
    /// Its call came to nothing.
    Failed,
    /// Somebody has cancelled its call.
    Cancelled,
}

impl fmt::Display for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            JobState::Running => "running",
            JobState::Done => "done",
            JobState::Failed => "failed",
            JobState::Cancelled => "cancelled",
        })
    }
}

impl Call {
    /// Has the server run the call without this client: its reply is kept there until it is fetched, or too
    /// old.
    ///
    /// What [`on_progress`](Call::on_progress) was given is told while [`Job::result`] waits.
    ///
    /// # Errors
    ///
    /// Any [`Error`] of a call that is not accepted. What becomes of one that is says [`Job::result`].
    pub async fn submit(self) -> Result<Job, Error> {
        let Call { client, mut outgoing } = self;
        let on_progress = outgoing.on_progress.take();
        outgoing.headers.insert("prefer", HeaderValue::from_static("respond-async"));
        let reply = outgoing.send(&client).await?;
        let id = reply.headers().get(JOB).and_then(|id| id.to_str().ok()).map(str::to_owned);
        Ok(Job { id: id.ok_or(Error::NoJob(reply.status()))?, client, on_progress })
    }
}

impl Client {
    /// The job with this id.
    pub fn job(&self, id: impl Into<String>) -> Job {
        Job { client: self.clone(), id: id.into(), on_progress: None }
    }

    /// All jobs of the server, the oldest first.
    ///
    /// # Errors
    ///
    /// Those of [`Client::status`], and [`Error::NotJson`].
    pub async fn jobs(&self) -> Result<Vec<JobStatus>, Error> {
        self.status("jobs").await?.json().await
    }
}

impl<C> Job<C> {
    /// By which the server knows it.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Has a function told how far it has come, while [`result`](Job::result) waits; see
    /// [`Call::on_progress`].
    #[must_use]
    pub fn on_progress(self, tell: impl Fn(Progress) + Send + Sync + 'static) -> Job<C> {
        Job { on_progress: Some(std::sync::Arc::new(tell)), ..self }
    }
}

impl Job {
    /// Waits for its end, and returns its reply, as [`Call::send`] would have.
    ///
    /// Dropping the future does nothing to the job, so it may be called again: also after an error of the
    /// connection.
    ///
    /// # Errors
    ///
    /// Any [`Error`]; [`Error::Server`] with `job-unknown` where its reply is not kept any more, and with
    /// `job-lost` where the server was started anew.
    pub async fn result(&self) -> Result<Reply, Error> {
        self.checked_id()?;
        let follow =
            |tell: &OnProgress| Follower::start(self.client.clone(), self.id.clone(), tell.clone());
        let follower = self.on_progress.as_ref().map(follow);
        loop {
            if let Some(reply) = self.result_within(self.longest_wait()).await? {
                return Ok(reply.followed_by(follower));
            }
        }
    }

    /// Waits for its end, but no longer than this; no reply if it still runs then.
    ///
    /// # Errors
    ///
    /// Those of [`Job::result`].
    pub async fn result_within(&self, limit: Duration) -> Result<Option<Reply>, Error> {
        let begun = Instant::now();
        let mut rest = limit;
        loop {
            let wait = rest.min(self.longest_wait());
            let reply = self.ask(Method::GET, "", Some(wait)).await?;
            let is_running = reply.headers().get(JOB_STATE).is_some_and(|state| state == "running");
            match is_running {
                false => return Ok(Some(reply)),
                true if wait == rest => return Ok(None),
                true => rest = limit.saturating_sub(begun.elapsed()),
            }
        }
    }

    /// How far it has come. This does not count as fetching its reply.
    ///
    /// # Errors
    ///
    /// Any [`Error`].
    pub async fn status(&self) -> Result<JobStatus, Error> {
        self.ask(Method::GET, "/status", None).await?.json().await
    }

    /// Cancels its call, or has its reply dropped.
    ///
    /// # Errors
    ///
    /// Any [`Error`].
    pub async fn cancel(&self) -> Result<(), Error> {
        self.ask(Method::DELETE, "", None).await.map(drop)
    }

    /// Its id, if that is one: with another text, a URL leads elsewhere.
    fn checked_id(&self) -> Result<&str, Error> {
        let is_unreserved =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
        let is_id = !matches!(&*self.id, "" | "." | "..") && self.id.bytes().all(is_unreserved);
        is_id.then_some(&*self.id).ok_or(Error::JobId)
    }

    /// No request waits longer than the client for an answer.
    fn longest_wait(&self) -> Duration {
        let ReadTimeout(limit) = self.client.read_timeout;
        limit.map_or(WAIT, |limit| WAIT.min(limit / 2))
    }

    async fn ask(
        &self,
        method: Method,
        what: &str,
        wait: Option<Duration>,
    ) -> Result<Reply, Error> {
        let path = &format!("jobs/{}{what}", self.checked_id()?);
        let query = wait.map(|wait| format!("wait={}", wait.as_secs_f64()));
        let read_timeout = self.client.read_timeout;
        self.client.ask(method, (path, query.as_deref()), read_timeout).await
    }
}

impl<C> fmt::Debug for Job<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job").field("id", &self.id).finish_non_exhaustive()
    }
}

fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let seconds = f64::deserialize(deserializer)?;
    Duration::try_from_secs_f64(seconds).map_err(de::Error::custom)
}

fn optional_seconds<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Duration>, D::Error> {
    seconds(deserializer).map(Some)
}
