//! How long a client waits for the next part of an answer.

use std::time::Duration;

use crate::Error;

/// The longest wait for the head of an answer, and then for each chunk; without one, the client
/// waits on.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ReadTimeout(pub(crate) Option<Duration>);

impl ReadTimeout {
    /// Waits for one of them. A timeout drops it, which closes its connection.
    pub(crate) async fn wait<T>(
        self,
        awaited: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let Some(limit) = self.0 else { return awaited.await };
        let waited = tokio::time::timeout(limit, awaited).await;
        waited.unwrap_or(Err(Error::TimedOut(limit)))
    }
}
