//! When source is sent, and when its digest.

use futures_util::stream;
use owt_client::{Adaptor, Body, Client, Digest, Error, Form, Method};
use rstest::rstest;

use crate::server::{Server, answer};

const SOURCE: &str = "1 + 1";
const IN_JSON: &str = r#"{"code_b64":"MSArIDE="}"#;

fn ok() -> String {
    answer("200 OK", "hi")
}

fn unknown() -> String {
    answer("404 Not Found\r\nOwt-Error: code-unknown", "never sent here")
}

fn by_digest() -> String {
    format!(r#"{{"code_sha256":"{}"}}"#, Digest::of(SOURCE))
}

fn adaptor() -> Adaptor {
    Adaptor::from_source(SOURCE)
}

#[tokio::test]
async fn known_source_is_sent_as_its_digest() {
    let server = Server::answering(vec![ok(), ok()]);
    let client = Client::new(&server.base).unwrap();
    client.call(adaptor()).send().await.unwrap();
    client.clone().call(adaptor()).send().await.unwrap();
    let bodies: Vec<_> = server.requests().into_iter().map(|request| request.body).collect();
    assert_eq!(bodies, [IN_JSON.to_owned(), by_digest()]);
}

#[tokio::test]
async fn forgotten_source_is_sent_again() {
    let server = Server::answering(vec![ok(), unknown(), ok(), ok()]);
    let client = Client::new(&server.base).unwrap();
    for _ in 0..3 {
        let reply = client.call(adaptor()).send().await.unwrap();
        assert_eq!(reply.text().await.unwrap(), "hi");
    }
    let bodies: Vec<_> = server.requests().into_iter().map(|request| request.body).collect();
    assert_eq!(bodies, [IN_JSON.to_owned(), by_digest(), IN_JSON.to_owned(), by_digest()]);
}

#[rstest]
#[case::refused(answer("422 Unprocessable Content\r\nOwt-Error: code-invalid", "line 3"))]
#[case::not_from_owt("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_owned())]
#[tokio::test]
async fn source_counts_as_known_once_an_adaptor_has_answered(#[case] first: String) {
    let server = Server::answering(vec![first, ok()]);
    let client = Client::new(&server.base).unwrap();
    client.call(adaptor()).send().await.unwrap_err();
    client.call(adaptor()).send().await.unwrap();
    let bodies: Vec<_> = server.requests().into_iter().map(|request| request.body).collect();
    assert_eq!(bodies, [IN_JSON, IN_JSON]);
}

#[tokio::test]
async fn what_can_be_sent_only_once_brings_its_source() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data.txt");
    std::fs::write(&path, "data").unwrap();
    let server = Server::answering(vec![ok(), ok(), ok(), ok(), ok()]);
    let client = Client::new(&server.base).unwrap();
    client.call(adaptor()).send().await.unwrap();

    let part = Ok::<_, std::io::Error>("data".into());
    let streamed = Body::stream(stream::iter([part]));
    client.call(adaptor()).body("data").send().await.unwrap();
    client.call(adaptor()).body(Body::file(&path)).send().await.unwrap();
    client.call(adaptor()).body(streamed).send().await.unwrap();
    client.call(adaptor()).form(Form::new().file("data", &path)).send().await.unwrap();

    let requests = server.requests();
    let sent = |number: usize| (requests[number].line.as_str(), requests[number].body.as_str());
    let digest = format!("POST /?code_sha256={} HTTP/1.1", Digest::of(SOURCE));
    assert_eq!(sent(1), (digest.as_str(), "data"));
    assert_eq!(sent(2), ("POST /?code_b64=MSArIDE HTTP/1.1", "data"));
    assert_eq!(requests[2].header("content-length"), Some("4"));
    assert_eq!(sent(3), ("POST /?code_b64=MSArIDE HTTP/1.1", "data"));
    assert!(requests[4].body.contains("name=\"code_b64\"\r\n\r\nMSArIDE=\r\n"), "{}", sent(4).1);
}

#[tokio::test]
async fn code_that_is_too_long_for_a_url_goes_by_its_digest_or_not_at_all() {
    let source = "#".repeat(64_000);
    let adaptor = Adaptor::from_source(&source);
    let server = Server::answering(vec![ok(), ok(), unknown()]);
    let client = Client::new(&server.base).unwrap();
    let streamed = || {
        let part = Ok::<_, std::io::Error>("data".into());
        client.call(&adaptor).body(Body::stream(stream::iter([part]))).send()
    };
    assert!(matches!(streamed().await, Err(Error::UrlTooLong)));
    client.call(&adaptor).method(Method::PUT).send().await.unwrap();
    streamed().await.unwrap();
    // Its body is gone when the server says that it has forgotten the source.
    let err = streamed().await.unwrap_err();
    assert!(matches!(&err, Error::Server(err) if err.code == "code-unknown"), "{err:?}");
    assert!(matches!(streamed().await, Err(Error::UrlTooLong)));
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn a_digest_without_source_stays_one() {
    let server = Server::answering(vec![unknown()]);
    let client = Client::new(&server.base).unwrap();
    let envelope = owt_client::Envelope::new(owt_client::Code::Known(Digest::of(SOURCE)));
    let err = client.call_with(envelope).send().await.unwrap_err();
    assert!(matches!(&err, Error::Server(err) if err.code == "code-unknown"), "{err:?}");
    assert_eq!(server.requests()[0].body, by_digest());
}
