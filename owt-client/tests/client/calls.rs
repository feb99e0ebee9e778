//! What a client sends, and what it makes of the answer.

use std::collections::{HashMap, HashSet};
use std::io::Write;
use std::net::TcpListener;
use std::sync::mpsc;
use std::time::Duration;

use futures_util::TryStreamExt;
use owt_client::{Adaptor, CacheKey, Client, Error, KeepAlive, Method, Reply, StatusCode};
use owt_core::Field;
use rstest::rstest;
use serde_json::{Value, json};

use crate::server::{Request, Server, answer, read_request};

const SOURCE: &str = "1 + 1";
const IN_QUERY: &str = "code_b64=MSArIDE";
const IN_JSON: &str = r#"{"code_b64":"MSArIDE="}"#;

fn adaptor() -> Adaptor {
    Adaptor::from_source(SOURCE)
}

fn client(base: &str) -> Client {
    Client::new(base).expect("the base is an HTTP URL")
}

/// Sends one call to a server that answers `hi`.
async fn sent(call: impl FnOnce(&Client) -> owt_client::Call) -> Request {
    let server = Server::answering(vec![answer("200 OK", "hi")]);
    let client = client(&format!("{}/path?mine=1", server.base));
    let reply = call(&client).send().await.expect("the server answers");
    assert_eq!(reply.text().await.expect("the answer is whole"), "hi");
    server.requests().remove(0)
}

/// What a client makes of one answer.
async fn received(answer: String) -> Result<Reply, Error> {
    let server = Server::answering(vec![answer]);
    let reply = client(&server.base).call(adaptor()).send().await;
    server.requests();
    reply
}

#[tokio::test]
async fn a_call_is_posted_as_json() {
    let request = sent(|client| client.call(adaptor())).await;
    assert_eq!(request.line, "POST /path?mine=1 HTTP/1.1");
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!(request.header("authorization"), None);
    assert_eq!(request.body, IN_JSON);
}

#[tokio::test]
async fn every_setting_is_sent() {
    let request = sent(|client| {
        let call = client.call(adaptor()).kwargs(&json!({"n": 3})).fn_name("main").reload().retry();
        let call = call.cached(CacheKey::CodeAndKwargs).timeout(Duration::from_millis(2500));
        call.pool("gpu").keep_alive(KeepAlive::For(Duration::from_secs(300)))
    })
    .await;
    assert_eq!(
        request.body,
        r#"{"code_b64":"MSArIDE=","kwargs_b64":"eyJuIjozfQ==","fn_name":"main","use_cache":true,"cache_kwargs":true,"timeout":2.5,"reload":true,"retry":true,"pool":"gpu","keep_alive":"300"}"#
    );
}

#[tokio::test]
async fn every_option_of_an_envelope_has_a_setting() {
    let key = CacheKey::Text("k".to_owned());
    let mut sent_fields = HashSet::new();
    for by in [CacheKey::CodeAndKwargs, key] {
        let request = sent(|client| {
            let call = client.call(adaptor()).fn_name("main").reload().retry().cached(by);
            call.timeout(Duration::from_secs(3)).pool("gpu").keep_alive(KeepAlive::Always)
        })
        .await;
        let fields: HashMap<String, Value> = serde_json::from_str(&request.body).unwrap();
        sent_fields.extend(fields.into_keys());
    }
    let options = Field::ALL.iter().filter(|field| field.is_option());
    let code = Field::CodeB64.name().to_owned();
    let expected = options.map(|field| field.name().to_owned()).chain([code]).collect();
    assert_eq!(sent_fields, expected);
}

#[tokio::test]
async fn a_body_of_the_callers_moves_the_envelope_to_the_query() {
    let request = sent(|client| client.call(adaptor()).body("data")).await;
    assert_eq!(request.line, format!("POST /path?mine=1&{IN_QUERY} HTTP/1.1"));
    assert_eq!(request.header("content-type"), None);
    assert_eq!(request.body, "data");
}

#[tokio::test]
async fn another_method_has_the_envelope_in_the_query() {
    let call = |client: &Client| {
        let call = client.call(adaptor()).method(Method::GET);
        call.header("Range", "bytes=0-1")
    };
    let request = sent(call).await;
    assert_eq!(request.line, format!("GET /path?mine=1&{IN_QUERY} HTTP/1.1"));
    assert_eq!(request.header("range"), Some("bytes=0-1"));
    assert_eq!(request.header("content-length"), None);
}

#[tokio::test]
async fn the_user_is_named() {
    let request = sent(|client| client.clone().with_auth("me", "p:w").call(adaptor())).await;
    assert_eq!(request.header("authorization"), Some("Basic bWU6cDp3"));
    let request = sent(|client| client.clone().with_token("t0ken").call(adaptor())).await;
    assert_eq!(request.header("authorization"), Some("Bearer t0ken"));
    assert_eq!(
        format!("{:?}", Client::new("host").unwrap().with_auth("me", "pw")).find("pw"),
        None
    );
}

#[tokio::test]
async fn an_answer_is_read_as_what_it_is() {
    let reply = received(answer("201 Created\r\nX-Mine: é", r#"{"n": [3]}"#)).await.unwrap();
    assert_eq!(reply.status(), StatusCode::CREATED);
    assert_eq!(reply.headers()["x-mine"].as_bytes(), "é".as_bytes());
    assert_eq!(reply.json::<serde_json::Value>().await.unwrap(), json!({"n": [3]}));

    let reply = received(answer("200 OK", "hi")).await.unwrap();
    assert_eq!(reply.bytes().await.unwrap(), "hi");
}

#[tokio::test]
async fn an_answer_that_is_not_json_is_an_error() {
    let err = received(answer("200 OK", "hi")).await.unwrap().json::<u8>().await.unwrap_err();
    assert_eq!(err.to_string(), "the answer is not the JSON that was expected");
}

#[tokio::test]
async fn an_adaptors_own_error_is_its_answer() {
    let reply = received(answer("404 Not Found", "no such thing")).await.unwrap();
    assert_eq!(reply.status(), StatusCode::NOT_FOUND);
    assert_eq!(reply.text().await.unwrap(), "no such thing");
}

#[tokio::test]
async fn an_error_of_owt_is_an_error() {
    let head = "422 Unprocessable Content\r\nOwt-Error: code-invalid";
    let err = received(answer(head, "SyntaxError: line 3")).await.unwrap_err();
    let Error::Server(server) = &err else { panic!("{err:?}") };
    assert_eq!(server.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(server.code, "code-invalid");
    assert_eq!(server.text, "SyntaxError: line 3");
    assert_eq!((server.retry_after, server.request_id.as_str()), (None, "1"));
    assert_eq!(err.to_string(), "owt answered code-invalid (request 1)");
}

#[tokio::test]
async fn chunks_arrive_as_they_are_sent() {
    let (go_on, wait) = mpsc::channel::<()>();
    let server = Server::new(move |listener: TcpListener| {
        let (mut stream, _) = listener.accept().unwrap();
        let request = read_request(&stream);
        let head = b"HTTP/1.1 200 OK\r\nOwt-Request-Id: 1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n";
        stream.write_all(head).unwrap();
        wait.recv().expect("the first chunk has arrived");
        stream.write_all(b"3\r\ntwo\r\n0\r\n\r\n").unwrap();
        vec![request]
    });
    let client = client(&server.base);
    let mut reply = client.call(adaptor()).send().await.unwrap();
    assert_eq!(reply.chunk().await.unwrap().unwrap(), "one");
    go_on.send(()).unwrap();
    let rest: Vec<_> = reply.stream().try_collect().await.unwrap();
    assert_eq!(rest, ["two"]);
    server.requests();
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_an_error() {
    let cut = "HTTP/1.1 200 OK\r\nOwt-Request-Id: 1\r\nContent-Length: 9\r\n\r\nhi".to_owned();
    let err = received(cut).await.unwrap().text().await.unwrap_err();
    assert!(matches!(err, Error::Broken(_)), "{err:?}");

    let err = received(String::new()).await.unwrap_err();
    assert!(matches!(err, Error::Broken(_)), "{err:?}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_an_error_without_the_code_in_it() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let client = Client::new(&format!("localhost:{port}")).unwrap();
    let err = client.call(adaptor()).method(Method::GET).send().await.unwrap_err();
    assert!(matches!(err, Error::Unreachable(_)), "{err:?}");
    assert_eq!(err.to_string(), "cannot reach the server");
    assert!(!format!("{err:?}").contains("code_b64"), "{err:?}");
}

#[tokio::test]
async fn a_redirection_is_an_answer_and_passes_nothing_on() {
    let reply =
        received(answer("307 Temporary Redirect\r\nLocation: /elsewhere", "")).await.unwrap();
    assert_eq!(reply.status(), StatusCode::TEMPORARY_REDIRECT);
    assert_eq!(reply.headers()["location"], "/elsewhere");
}

#[tokio::test]
async fn arguments_that_are_no_map_are_not_sent() {
    let client = Client::new("http://127.0.0.1:1").unwrap();
    let err = client.call(adaptor()).kwargs(&[1, 2]).send().await.unwrap_err();
    assert_eq!(err.to_string(), "arguments are not a map of names to values");
}

#[rstest]
#[case("", "the base URL names no valid host")]
#[case("ftp://host", "the base URL is neither http nor https")]
#[cfg_attr(
    not(feature = "tls"),
    case("https://host", "the base URL is https, and this client is built without TLS")
)]
fn a_base_that_cannot_be_used_is_refused(#[case] base: &str, #[case] words: &str) {
    assert_eq!(Client::new(base).unwrap_err().to_string(), words);
}

#[test]
fn an_adaptor_is_read_from_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("adaptor.py");
    let err = Adaptor::from_file(&path).unwrap_err();
    assert_eq!(err.to_string(), format!("cannot read the adaptor {path:?}"));

    std::fs::write(&path, format!("\u{feff}{SOURCE}")).unwrap();
    assert_eq!(Adaptor::from_file(&path).unwrap(), adaptor());
}
