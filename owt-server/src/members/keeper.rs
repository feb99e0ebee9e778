//! The one task of a pool that knows who its members are.

use std::sync::Arc;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::pool::MembersPool;
use super::ray::{RayLaunch, follow};
use super::watched::Watched;
use crate::config::MemberUrl;

/// Keeps the members of a pool.
pub(crate) struct Keeper {
    task: JoinHandle<()>,
    stop: CancellationToken,
}

/// Where the members of a pool are, with all that it takes to find them.
pub(crate) enum Members {
    Urls(Vec<(MemberUrl, u32)>),
    Dns(MemberUrl),
    Ray(Box<RayLaunch>),
}

impl Keeper {
    /// On this thread's own loop.
    pub(crate) fn start(pool: Arc<MembersPool>, members: Members) -> Self {
        let (watched, stop) = (Watched::new(pool), CancellationToken::new());
        let stopped = stop.clone().cancelled_owned();
        let task = tokio::task::spawn_local(async move {
            match members {
                Members::Ray(launch) => follow(watched, *launch, stopped).await,
                Members::Urls(urls) => tokio::select! {
                    () = watched.keep(urls) => {}
                    () = stopped => {}
                },
                Members::Dns(name) => tokio::select! {
                    () = watched.look_up(name) => {}
                    () = stopped => {}
                },
            }
        });
        Self { task, stop }
    }

    /// Ends what was started for it.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        let _ = self.task.await;
    }
}
