//! How long a client waits while nothing comes.

use std::time::Duration;

use crate::Error;

/// The longest wait for each thing that a server sends; without one, the client waits on.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Patience(pub(crate) Option<Duration>);

impl Patience {
    /// Waits for one thing. Giving up drops it, which closes its connection.
    pub(crate) async fn wait<T>(
        self,
        thing: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let Some(limit) = self.0 else { return thing.await };
        let waited = tokio::time::timeout(limit, thing).await;
        waited.unwrap_or(Err(Error::OutOfPatience(limit)))
    }
}
