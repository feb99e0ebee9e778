//! Work that stays on its thread of the front, done for what may be sent to any: rmcp wants all that it is
//! given to be [`Send`], and spawns its tasks outside of the thread's own set.

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use send_wrapper::SendWrapper;
use tokio::sync::{mpsc, oneshot};

type Task = SendWrapper<LocalBoxFuture<'static, ()>>;

/// Hands work to the thread that it was made in.
#[derive(Clone)]
pub(super) struct LocalThread {
    tasks: mpsc::UnboundedSender<Task>,
}

/// The thread has ended.
#[derive(Debug)]
pub(super) struct ThreadEnded;

impl LocalThread {
    /// Work is done here until the last clone is dropped.
    pub(super) fn here() -> Self {
        let (tasks, mut given) = mpsc::unbounded_channel::<Task>();
        actix_web::rt::spawn(async move {
            while let Some(task) = given.recv().await {
                actix_web::rt::spawn(task.take());
            }
        });
        Self { tasks }
    }

    /// Does some work, which is made where [`here`](Self::here) was called. It is dropped with the future
    /// that waits for it.
    pub(super) fn run<T: Send + 'static, W: Future<Output = T> + 'static>(
        &self,
        work: W,
    ) -> impl Future<Output = Result<T, ThreadEnded>> + Send + use<T, W> {
        let (mut done, awaited) = oneshot::channel();
        let task = async move {
            tokio::select! {
                value = work => drop(done.send(value)),
                () = done.closed() => {}
            }
        };
        // A task that is not taken is dropped with its end of the channel.
        let _ = self.tasks.send(SendWrapper::new(task.boxed_local()));
        async move { awaited.await.map_err(|_| ThreadEnded) }
    }
}
