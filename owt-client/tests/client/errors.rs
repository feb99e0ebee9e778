//! Who has failed, and whether it makes sense to try again.

use std::net::TcpListener;
use std::time::Duration;

use owt_client::{Adaptor, Client, Error, StatusCode};
use rstest::rstest;

use crate::server::{Server, answer};

/// What a client makes of one answer.
async fn outcome(answer: String) -> Result<owt_client::Reply, Error> {
    let server = Server::answering(vec![answer]);
    let client = Client::new(&server.base).expect("the base is an HTTP URL");
    let outcome = client.call(Adaptor::from_source("1 + 1")).send().await;
    server.requests();
    outcome
}

async fn refused(code: &str, more: &str) -> Error {
    let head = format!("503 Busy\r\nOwt-Error: {code}{more}");
    outcome(answer(&head, "words\n")).await.expect_err("owt's own answer is an error")
}

#[rstest]
#[case("buffers-full", true)]
#[case("queue-full", true)]
#[case("worker-unavailable", true)]
#[case("draining", true)]
#[case("worker-died", false)]
#[case("deadline", false)]
#[case("adaptor-raised", false)]
#[case("code-invalid", false)]
#[case("auth-required", false)]
#[case("of-the-future", false)]
#[tokio::test]
async fn only_what_has_not_run_is_safe_to_retry(#[case] code: &str, #[case] is_safe: bool) {
    assert_eq!(refused(code, "").await.is_safe_to_retry(), is_safe);
}

#[rstest]
#[case("\r\nRetry-After: 2", Some(2))]
#[case("\r\nRetry-After: Sun, 06 Nov 1994 08:49:37 GMT", None)]
#[case("", None)]
#[tokio::test]
async fn owt_says_how_long_to_wait(#[case] header: &str, #[case] seconds: Option<u64>) {
    let err = refused("queue-full", header).await;
    assert_eq!(err.retry_after(), seconds.map(Duration::from_secs));
}

#[tokio::test]
async fn a_server_error_as_json_has_the_same_words() {
    let head = "503 Busy\r\nOwt-Error: queue-full\r\nContent-Type: application/problem+json";
    let problem = r#"{"type":"urn:owt:error:queue-full","status":503,"detail":"Too many calls"}"#;
    let err = outcome(answer(head, problem)).await.unwrap_err();
    let Error::Server(err) = err else { panic!("{err:?}") };
    assert_eq!(err.text, "Too many calls");
}

#[rstest]
#[case("502 Bad Gateway")]
#[case("200 OK")]
#[tokio::test]
async fn an_answer_of_something_else_is_not_taken_for_the_adaptors(#[case] status: &str) {
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    let err = outcome(head).await.unwrap_err();
    assert_eq!(err.to_string(), format!("the answer {status} does not come from owt"));
    assert!(!err.is_safe_to_retry());
}

#[rstest]
#[case::tls_alert("\x15\x03\x03\x00\x02\x02\x32")]
#[case::ssh("SSH-2.0-OpenSSH\r\n")]
#[tokio::test]
async fn what_is_not_http_may_be_https(#[case] alert: &str) {
    let err = outcome(alert.to_owned()).await.unwrap_err();
    let words = "the answer cannot be read as HTTP; a server that speaks HTTPS is called by https";
    assert_eq!(err.to_string(), words);
    assert!(!err.is_safe_to_retry());
}

#[rstest]
#[case("200 OK", None)]
#[case("302 Found", None)]
#[case("404 Not Found", Some(StatusCode::NOT_FOUND))]
#[case("500 Internal Server Error", Some(StatusCode::INTERNAL_SERVER_ERROR))]
#[tokio::test]
async fn an_adaptors_status_becomes_an_error_on_demand(
    #[case] status: &str,
    #[case] expected: Option<StatusCode>,
) {
    let reply = outcome(answer(status, "words")).await.unwrap();
    match reply.error_for_status() {
        Ok(reply) => assert_eq!((reply.text().await.unwrap().as_str(), expected), ("words", None)),
        Err(err) => {
            assert!(matches!(err, Error::Status(status) if Some(status) == expected), "{err:?}");
        }
    }
}

#[rstest]
#[case("Content-Type: text/event-stream; charset=utf-8", true)]
#[case("Content-Type: Text/Event-Stream", true)]
#[case("Content-Type: text/event-streams", false)]
#[case("X-None: 1", false)]
#[tokio::test]
async fn events_are_read_from_event_streams_alone(#[case] header: &str, #[case] is_stream: bool) {
    let reply = outcome(answer(&format!("200 OK\r\n{header}"), "data: a\n\n")).await.unwrap();
    assert_eq!(reply.events().is_ok(), is_stream);
}

#[tokio::test]
async fn a_server_that_accepts_and_says_nothing_is_waited_for_no_longer_than_its_read_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let client = Client::builder(&base).read_timeout(Duration::from_millis(50)).build().unwrap();
    let err = client.call(Adaptor::from_source("1 + 1")).send().await.unwrap_err();
    assert_eq!(err.to_string(), "nothing came from the server for 50ms");
    assert!(!err.is_safe_to_retry());
}

#[tokio::test]
async fn a_header_that_cannot_be_sent_is_an_error() {
    let client = Client::new("http://127.0.0.1:1").unwrap();
    let call = || client.call(Adaptor::from_source("1 + 1"));
    for (name, value) in [("a b", "1"), ("a", "1\n2"), ("", "")] {
        let err = call().header(name, value).send().await.unwrap_err();
        assert!(matches!(err, Error::Header), "{err:?}");
    }
}

#[tokio::test]
async fn a_folder_is_no_upload() {
    let client = Client::new("http://127.0.0.1:1").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let call = client.call(Adaptor::from_source("1 + 1"));
    let err = call.body(owt_client::Body::file(folder.path())).send().await.unwrap_err();
    assert_eq!(err.to_string(), format!("cannot read {:?}, which is to be sent", folder.path()));
}
