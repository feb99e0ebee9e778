//! The one task of a pool that knows who its members are.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::pool::MembersPool;
use super::ray::{RayLaunch, follow};
use super::watched::Watched;
use crate::config::MemberUrl;

/// How long a server that starts waits for its members to say how they are.
const PATIENCE: Duration = Duration::from_millis(500);
const PAUSE: Duration = Duration::from_millis(5);

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
    /// On this thread's own loop. Waits a moment for the members to say how they are.
    pub(crate) async fn start(pool: Arc<MembersPool>, members: Members) -> Self {
        let (mut watched, stop) = (Watched::new(pool.clone()), CancellationToken::new());
        match &members {
            Members::Urls(urls) => watched.set_urls(urls),
            Members::Dns(name) => watched.look_up(name).await,
            Members::Ray(_) => {}
        }
        let asked = async {
            while pool.members().iter().any(|member| member.is_untried()) {
                sleep(PAUSE).await;
            }
        };
        let _ = timeout(PATIENCE, asked).await;
        let stopped = stop.clone().cancelled_owned();
        let task = tokio::task::spawn_local(async move {
            match members {
                Members::Ray(launch) => follow(watched, *launch, stopped).await,
                Members::Urls(_) => stopped.await,
                Members::Dns(name) => tokio::select! {
                    () = watched.keep_looking_up(&name) => {}
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
