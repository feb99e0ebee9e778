//! Results that are kept: computed once, given to whoever asks.

use futures_util::future::join_all;
use reqwest::Client;
use reqwest::header::{ETAG, IF_NONE_MATCH};

use super::server::{header, start};

#[actix_web::test]
async fn the_second_call_takes_the_first_ones_result() {
    let server = start();
    let url = format!("{}&use_cache=1", server.run("count"));
    let first = server.get(url.clone()).await;
    assert_eq!(header(&first, "owt-cache"), Some("miss"));
    assert_eq!(first.text().await.unwrap(), "1");
    let second = server.get(url).await;
    assert_eq!(header(&second, "owt-cache"), Some("hit"));
    assert_eq!(second.text().await.unwrap(), "1");
    assert_eq!(server.recorded.runs(), 1);
}

#[actix_web::test]
async fn many_that_ask_at_once_wait_for_one_run() {
    let server = start();
    let url = format!("{}&use_cache=1", server.run("stream"));
    let texts = join_all((0..20).map(|_| server.text(url.clone()))).await;
    assert_eq!(texts, vec!["abc"; 20]);
    assert_eq!(server.recorded.runs(), 1);
}

#[actix_web::test]
async fn arguments_count_only_where_they_are_meant_to() {
    let server = start();
    let url = |more: &str| format!("{}&use_cache=1&kwargs_b64={more}", server.run("count"));
    assert_eq!(server.text(url("{}")).await, "1");
    assert_eq!(server.text(url("{'a':1}")).await, "1");
    assert_eq!(server.text(url("{'a':1}&cache_kwargs=1")).await, "2");
    assert_eq!(server.text(url("{'a':2}&cache_kwargs=1")).await, "3");
}

#[actix_web::test]
async fn who_has_the_result_already_is_sent_none() {
    let server = start();
    let url = format!("{}&use_cache=1", server.run("count"));
    assert_eq!(server.text(url.clone()).await, "1");
    let etag = server.get(url.clone()).await.headers()[ETAG].clone();
    let request = Client::new().get(url).header(IF_NONE_MATCH, etag.clone());
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 304);
    assert_eq!(response.headers()[ETAG], etag);
    assert_eq!(response.text().await.unwrap(), "");
}

#[actix_web::test]
async fn errors_are_not_kept_and_cookies_are_for_the_first_alone() {
    let server = start();
    let missing = format!("{}&use_cache=1", server.run("missing"));
    server.text(missing.clone()).await;
    server.text(missing).await;
    assert_eq!(server.recorded.runs(), 2);
    let cookie = format!("{}&use_cache=1", server.run("cookie"));
    assert_eq!(header(&server.get(cookie.clone()).await, "set-cookie"), Some("a=b"));
    assert_eq!(header(&server.get(cookie).await, "set-cookie"), None);
}

#[actix_web::test]
async fn a_digest_is_known_though_the_cache_has_answered() {
    let server = start();
    let url = format!("{}&use_cache=1", server.run("count"));
    assert_eq!(server.text(url.clone()).await, "1");
    server.get(server.url("/_owt/adaptors")).await;
    let digest = super::server::digest("count");
    reqwest::Client::new()
        .delete(server.url(&format!("/_owt/adaptors/{digest}")))
        .send()
        .await
        .unwrap();
    assert_eq!(server.text(url).await, "1");
    assert_eq!(server.text(server.url(&format!("/?code_sha256={digest}"))).await, "2");
}
