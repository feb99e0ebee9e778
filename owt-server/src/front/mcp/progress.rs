//! What an agent is told of a call that runs: its progress, and a streamed reply piece by piece.

use owt_core::Progress;
use rmcp::model::{ProgressNotificationParam, ProgressToken};
use rmcp::service::{Peer, RequestContext, RoleServer};

/// How much of a piece of a streamed reply is told, in bytes.
const MAX_MESSAGE: usize = 4096;

/// Tells the client that has asked for a call how far that is.
pub(super) struct Reporter {
    peer: Peer<RoleServer>,
    token: ProgressToken,
    /// What was told last. The protocol wants each number to be greater than the one before.
    told: f64,
}

impl Reporter {
    /// Nothing for a client that has not asked for it.
    pub(super) fn of(context: &RequestContext<RoleServer>) -> Option<Self> {
        let token = context.meta.get_progress_token()?;
        Some(Self { peer: context.peer.clone(), token, told: f64::NEG_INFINITY })
    }

    /// Tells what the code has reported.
    pub(super) async fn report(&mut self, progress: Progress) {
        let Progress { done, total, text, .. } = progress;
        self.tell(done, total, text).await;
    }

    /// Tells a piece of a streamed reply, of which so many bytes have come with it.
    pub(super) async fn piece(&mut self, piece: &[u8], bytes: u64) {
        let text = String::from_utf8_lossy(&piece[..piece.len().min(MAX_MESSAGE)]).into_owned();
        // Whatever the code has counted before.
        let done = (bytes as f64).max(self.told + 1.0);
        self.tell(done, None, Some(text)).await;
    }

    async fn tell(&mut self, done: f64, total: Option<f64>, message: Option<String>) {
        if done <= self.told {
            return;
        }
        self.told = done;
        let mut told = ProgressNotificationParam::new(self.token.clone(), done);
        (told.total, told.message) = (total, message);
        // A client that has gone is noticed by the call itself.
        let _ = self.peer.notify_progress(told).await;
    }
}
