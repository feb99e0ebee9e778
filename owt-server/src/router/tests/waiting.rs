//! Calls that wait are listed and cancelled.

use std::future::pending;

use owt_core::{CallState, Error};

use super::*;
use crate::waiting::Waiting;

type Outcome = Result<(), Error>;

fn states(waiting: &Waiting) -> Vec<(String, serde_json::Value)> {
    let calls = waiting.calls().into_iter();
    calls.map(|call| (call.id.clone(), serde_json::json!([call.state, &*call.pool]))).collect()
}

#[tokio::test]
async fn a_call_that_waits_is_listed_until_it_has_what_it_needs() {
    let (waiting, pool) = (Waiting::default(), "gpu".into());
    let call = call("one");
    let needed = async {
        let state = serde_json::json!(["installing", "gpu"]);
        assert_eq!(states(&waiting), [("one".to_owned(), state)]);
        Ok::<_, Error>(1)
    };
    assert_eq!(waiting.wait(&call, &pool, CallState::Installing, needed).await.ok(), Some(1));
    assert_eq!(states(&waiting), []);
}

#[tokio::test]
async fn a_call_is_cancelled_by_its_id_and_all_by_a_stop() {
    let (waiting, pool) = (Waiting::default(), "default".into());
    let calls = ["one", "two", "three"].map(call);
    let wait = |call| waiting.wait(call, &pool, CallState::Installing, pending::<Outcome>());
    let waits = calls.iter().map(wait);
    let cancelling = async {
        assert!(waiting.cancel("two") && !waiting.cancel("two") && !waiting.cancel("four"));
        assert_eq!(waiting.cancel_all(), 2);
    };
    let (ends, ()) = tokio::join!(futures_util::future::join_all(waits), cancelling);
    let codes: Vec<_> = ends.into_iter().map(|end| end.unwrap_err().code()).collect();
    assert_eq!(codes, ["draining", "cancelled", "draining"]);
    assert_eq!(states(&waiting), []);
}
