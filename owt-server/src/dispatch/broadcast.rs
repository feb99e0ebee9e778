//! Queries that go to every thread of the front: each answers for what it alone knows.

use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;

use futures_util::future::join_all;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

/// A closure to run on a thread, with its `T`.
pub(super) type Query<T> = Box<dyn FnOnce(&Rc<T>) + Send>;

/// The way to the `T` of each thread.
pub(super) struct Broadcast<T>(Arc<[UnboundedSender<Query<T>>]>);

impl<T> Clone for Broadcast<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: 'static> Broadcast<T> {
    /// Returns a receiver for each thread, too.
    pub(super) fn new(threads: usize) -> (Self, Vec<UnboundedReceiver<Query<T>>>) {
        let (senders, receivers): (Vec<_>, _) = (0..threads).map(|_| unbounded_channel()).unzip();
        (Self(senders.into()), receivers)
    }

    /// Asks every thread, and gives their answers. A thread that has ended gives none.
    pub(super) async fn ask_all<R, Q, A>(&self, query: Q) -> Vec<R>
    where
        R: Send + 'static,
        Q: Fn(Rc<T>) -> A + Clone + Send + 'static,
        A: Future<Output = R> + 'static,
    {
        let answers = self.0.iter().map(|thread| {
            let (sender, answer) = oneshot::channel();
            let query = query.clone();
            let run = move |own: &Rc<T>| {
                let answering = query(own.clone());
                // Sending fails only if whoever asked has gone.
                tokio::task::spawn_local(async move { drop(sender.send(answering.await)) });
            };
            let _ = thread.send(Box::new(run));
            answer
        });
        join_all(answers.collect::<Vec<_>>()).await.into_iter().flatten().collect()
    }
}
