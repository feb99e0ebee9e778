//! `/_owt/`: the server as its operator sees it.

use owt_core::{Health, PoolHealth, Progress};
use rstest::rstest;
use serde_json::{Value, json};

use super::server::{digest, header, start};

#[rstest]
#[case(2, 2, None, 200, "ready")]
#[case(1, 2, None, 200, "degraded")]
#[case(0, 2, None, 503, "starting")]
#[case(0, 2, Some("no Python"), 503, "degraded")]
#[actix_web::test]
async fn health_tells_whether_calls_are_answered(
    #[case] alive: usize,
    #[case] total: usize,
    #[case] reason: Option<&str>,
    #[case] status: u16,
    #[case] word: &str,
) {
    let server = start();
    let pools = vec![PoolHealth { name: "gpu".into(), alive, total }];
    *server.recorded.health.lock() = Health { alive, total, reason: reason.map(Into::into), pools };
    let response = server.get(server.url("/_owt/health")).await;
    assert_eq!(response.status(), status);
    let mut expected = json!({
        "status": word,
        "workers": { "alive": alive, "total": total },
        "pools": { "gpu": { "alive": alive, "total": total } },
        "version": env!("CARGO_PKG_VERSION"),
    });
    if let Some(reason) = reason {
        expected["reason"] = reason.into();
    }
    assert_eq!(response.json::<Value>().await.unwrap(), expected);
}

#[actix_web::test]
async fn a_call_is_listed_and_cancelled_by_the_id_that_its_client_chose() {
    let server = start();
    let client = reqwest::Client::new();
    let call = client.get(server.run("hang")).header("owt-request-id", "mine");
    let call = actix_web::rt::spawn(call.send());
    server.recorded.until_open(1).await;
    let calls: Value = server.get(server.url("/_owt/calls")).await.json().await.unwrap();
    let expected = json!([{
        "id": "mine", "digest": digest("hang"), "method": "GET", "path": "/",
        "pool": "default", "remote_addr": "127.0.0.1", "state": "running", "age": 0.5,
    }]);
    assert_eq!(calls, expected);
    let again = client.get(server.run("hello")).header("owt-request-id", "mine").send();
    assert_eq!(header(&again.await.unwrap(), "owt-error"), Some("request-id-taken"));
    let cancel = client.delete(server.url("/_owt/calls/mine")).send().await.unwrap();
    assert_eq!(cancel.status(), 204);
    let response = call.await.unwrap().unwrap();
    assert_eq!(
        (response.status().as_u16(), header(&response, "owt-error")),
        (409, Some("cancelled"))
    );
    assert_eq!(header(&response, "owt-request-id"), Some("mine"));
    let again = client.get(server.run("hello")).header("owt-request-id", "mine").send();
    assert_eq!(again.await.unwrap().text().await.unwrap(), "hello");
}

#[actix_web::test]
async fn progress_is_listed_and_followed_until_the_call_is_over() {
    let server = start();
    let call = reqwest::Client::new().get(server.run("hang")).header("owt-request-id", "mine");
    let call = actix_web::rt::spawn(call.send());
    server.recorded.until_open(1).await;
    let following = actix_web::rt::spawn(reqwest::get(server.url("/_owt/calls/mine/events")));
    server.recorded.until_followed("mine").await;
    server.recorded.report("mine", &Progress::new(1.0, Some(4.0), Some("a\n\nb")).unwrap());
    server.recorded.report("mine", &Progress::new(2.5, None, None).unwrap());
    let calls: Value = server.get(server.url("/_owt/calls")).await.json().await.unwrap();
    assert_eq!(calls[0]["progress"], json!({ "done": 2.5, "total": null, "text": null }));
    server.recorded.cancel_all();
    call.await.unwrap().unwrap();
    let events = following.await.unwrap().unwrap();
    assert_eq!(header(&events, "content-type"), Some("text/event-stream"));
    let expected = "event: progress\ndata: {\"done\":1,\"total\":4,\"text\":\"a\\n\\nb\"}\n\n\
                    event: progress\ndata: {\"done\":2.5,\"total\":null,\"text\":null}\n\n\
                    event: end\ndata: {}\n\n";
    assert_eq!(events.text().await.unwrap(), expected);
    let again = server.get(server.url("/_owt/calls/mine/events")).await;
    assert_eq!((again.status().as_u16(), header(&again, "owt-error")), (404, Some("call-unknown")));
}

#[actix_web::test]
async fn an_adaptor_is_listed_until_it_is_forgotten() {
    let server = start();
    server.text(server.run("hello")).await;
    let adaptors = server.url("/_owt/adaptors");
    let listed: Value = server.get(adaptors.clone()).await.json().await.unwrap();
    assert_eq!(listed, json!([{ "digest": digest("hello") }]));
    let forget = || reqwest::Client::new().delete(format!("{adaptors}/{}", digest("hello"))).send();
    assert_eq!(forget().await.unwrap().status(), 204);
    let again = forget().await.unwrap();
    assert_eq!((again.status().as_u16(), header(&again, "owt-error")), (404, Some("code-unknown")));
}

#[actix_web::test]
async fn metrics_count_answers_errors_and_calls() {
    let server = start();
    server.text(server.run("hello")).await;
    server.get(server.url("/")).await;
    let response = server.get(server.url("/_owt/metrics")).await;
    let media_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!(header(&response, "content-type"), Some(media_type));
    let text = response.text().await.unwrap();
    for line in [
        "owt_requests_total 2",
        "owt_errors_total{code=\"code-missing\"} 1",
        "owt_calls_total 1",
        "owt_workers{pool=\"default\"} 1",
        "owt_workers_up{pool=\"default\"} 0",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in {text}");
    }
}
