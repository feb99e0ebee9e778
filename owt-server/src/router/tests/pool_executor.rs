//! Calls get the pool of their environment, whatever comes and goes meanwhile.

use std::rc::Rc;

use tokio::task::LocalSet;

use super::*;
use crate::router::environments::{Change, Environments, KeeperSide};
use crate::router::pool_executor::PoolExecutor;

/// The executor of one pool and thread, and the keeper's side of it.
fn executor() -> (Rc<PoolExecutor>, KeeperSide) {
    let (environments, side) = Environments::new(Dependencies::On, base(), 1);
    (PoolExecutor::start("default".into(), dispatchers().start(), environments), side)
}

/// What a keeper does with a request.
async fn answer(side: &mut KeeperSide, pool: &Arc<EnvironmentPool>) {
    let request = side.requests.recv().await.unwrap();
    let leased = pool.lease().ok_or(owt_core::Error::Draining);
    assert!(request.answer.send(leased).is_ok());
}

#[tokio::test]
async fn a_pool_does_not_end_on_the_way_to_its_call() {
    let run = async {
        let (executor, mut side) = executor();
        let ((key, spec), call) = (wanted("six"), call("one"));
        let pool = pool(key);
        let answered = async {
            answer(&mut side, &pool).await;
            pool.gate.close()
        };
        let (leased, is_closed) = tokio::join!(executor.leased(key, &spec, &call), answered);
        let (_dispatcher, lease) = leased.unwrap();
        assert!(!is_closed && !pool.gate.close());
        drop(lease);
        assert!(pool.gate.close());
    };
    LocalSet::new().run_until(run).await;
}

#[tokio::test]
async fn the_news_of_a_pool_may_come_after_its_calls_and_after_the_next_pool() {
    let run = async {
        let (executor, mut side) = executor();
        let ((key, spec), call) = (wanted("six"), call("one"));
        let (old, new) = (pool(key), pool(key));
        let (leased, ()) =
            tokio::join!(executor.leased(key, &spec, &call), answer(&mut side, &old));
        drop(leased.unwrap());
        assert!(old.gate.close());
        let (leased, ()) =
            tokio::join!(executor.leased(key, &spec, &call), answer(&mut side, &new));
        let (dispatcher, _lease) = leased.unwrap();
        let news = [Change::Added(old.clone()), Change::Ended(old), Change::Added(new)];
        news.iter().for_each(|change| executor.follow(change));
        let (found, _lease) = executor.leased(key, &spec, &call).await.unwrap();
        assert!(Rc::ptr_eq(&found, &dispatcher));
    };
    LocalSet::new().run_until(run).await;
}
