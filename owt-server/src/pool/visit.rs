//! Questions that are asked of every thread of the front: each answers for what it alone knows.

use std::future::Future;
use std::rc::Rc;

use futures_util::future::join_all;
use tokio::sync::oneshot;

use super::{Event, Links, Shared};
use crate::tally::Tally;

/// What a thread is to do with its links.
pub(crate) type Visit = Box<dyn FnOnce(&Rc<Links>) + Send>;

impl Shared {
    /// What all threads have counted.
    pub(crate) async fn tally(&self) -> Tally {
        let mut sum = Tally::default();
        for tally in self.ask_all(|links| async move { links.tally.borrow().clone() }).await {
            sum += &tally;
        }
        sum
    }

    /// Asks every thread of the front, and gives their answers. A thread that has ended gives none.
    pub(crate) async fn ask_all<T, Q, A>(&self, question: Q) -> Vec<T>
    where
        T: Send + 'static,
        Q: Fn(Rc<Links>) -> A + Clone + Send + 'static,
        A: Future<Output = T> + 'static,
    {
        let answers = self.fronts.iter().map(|front| {
            let (tell, told) = oneshot::channel();
            let question = question.clone();
            let visit = move |links: &Rc<Links>| {
                let answer = question(links.clone());
                // Nobody is left to be told only if the one who asked has gone.
                tokio::task::spawn_local(async move { drop(tell.send(answer.await)) });
            };
            let _ = front.send(Event::Visit(Box::new(visit)));
            told
        });
        join_all(answers.collect::<Vec<_>>()).await.into_iter().flatten().collect()
    }
}
