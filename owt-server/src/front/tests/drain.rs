//! A stop: what runs may finish, what comes is refused.

use std::time::Duration;

use serde_json::Value;

use super::server::{header, start};

#[actix_web::test]
async fn calls_that_run_may_finish_while_new_ones_are_refused() {
    let server = start();
    let running = actix_web::rt::spawn(reqwest::get(server.run("hang")));
    server.recorded.until_open(1).await;
    let stop = server.state.drain.drain(Duration::from_secs(60), async || unreachable!());
    let meanwhile = async {
        let refused = server.get(server.run("hello")).await;
        assert_eq!(
            (refused.status().as_u16(), header(&refused, "owt-error")),
            (503, Some("draining"))
        );
        let health: Value = server.get(server.url("/_owt/health")).await.json().await.unwrap();
        assert_eq!(health["status"], "draining");
        server.recorded.cancel_all();
        assert_eq!(running.await.unwrap().unwrap().status(), 409);
    };
    tokio::join!(stop, meanwhile);
    server.recorded.until_open(0).await;
}

#[actix_web::test]
async fn what_runs_too_long_is_interrupted() {
    let server = start();
    let running = actix_web::rt::spawn(reqwest::get(server.run("hang")));
    server.recorded.until_open(1).await;
    server.state.drain.drain(Duration::ZERO, async || server.recorded.cancel_all()).await;
    assert_eq!(running.await.unwrap().unwrap().status(), 409);
}
