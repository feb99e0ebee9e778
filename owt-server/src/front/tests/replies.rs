//! How replies go out.

use rstest::rstest;

use super::server::{digest, header, start};

#[actix_web::test]
async fn a_reply_says_what_ran_where_its_time_went_and_by_which_id() {
    let server = start();
    let response = server.get(server.run("hello")).await;
    assert_eq!(response.status(), 200);
    assert_eq!(header(&response, "content-type"), Some("text/plain"));
    assert_eq!(header(&response, "owt-code-sha256"), Some(digest("hello").as_str()));
    assert_eq!(
        header(&response, "server-timing"),
        Some("queue;dur=1.000, load;dur=2.000, run;dur=3.000")
    );
    assert_eq!(header(&response, "x-content-type-options"), Some("nosniff"));
    assert_eq!(header(&response, "vary"), Some("Origin"));
    assert_eq!(header(&response, "owt-request-id").unwrap().len(), 16);
    assert_eq!(response.text().await.unwrap(), "hello");
}

#[rstest]
#[case("missing", 404, "nothing")]
#[case("stream", 200, "abc")]
#[actix_web::test]
async fn a_reply_has_the_status_and_the_body_of_its_adaptor(
    #[case] code: &str,
    #[case] status: u16,
    #[case] body: &str,
) {
    let server = start();
    let response = server.get(server.run(code)).await;
    assert_eq!(response.status(), status);
    assert_eq!(response.text().await.unwrap(), body);
}

#[actix_web::test]
async fn a_status_that_is_none_is_the_adaptors_fault() {
    let server = start();
    let response = server.get(server.run("no status")).await;
    assert_eq!(
        (response.status().as_u16(), header(&response, "owt-error")),
        (500, Some("reply-invalid"))
    );
}

#[actix_web::test]
async fn a_stream_that_breaks_off_has_no_end() {
    let server = start();
    let answer = server.raw("GET /?code_b64=YnJlYWs HTTP/1.1\r\nHOST\r\n\r\n").await;
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    assert_eq!(body, "1\r\na\r\n");
}

#[actix_web::test]
async fn http_1_0_gets_a_stream_without_chunks() {
    let server = start();
    let answer = server.raw("GET /?code_b64=c3RyZWFt HTTP/1.0\r\nHOST\r\n\r\n").await;
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    assert_eq!(body, "abc");
}

#[actix_web::test]
async fn a_head_request_gets_no_body() {
    let server = start();
    let answer =
        server.raw("HEAD /?code_b64=aGVsbG8 HTTP/1.1\r\nHOST\r\nConnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\n"), "{answer}");
    assert!(answer.to_ascii_lowercase().contains("content-length: 5\r\n"), "{answer}");
}

#[actix_web::test]
async fn a_call_ends_when_its_client_goes() {
    let server = start();
    let request = reqwest::Client::new().get(server.run("hang")).send();
    let call = actix_web::rt::spawn(request);
    server.recorded.until_open(1).await;
    call.abort();
    server.recorded.until_open(0).await;
}

#[actix_web::test]
async fn a_stream_ends_when_its_client_goes() {
    let server = start();
    let mut response = server.get(server.run("endless")).await;
    assert_eq!(response.chunk().await.unwrap().as_deref(), Some(b"a".as_slice()));
    server.recorded.until_open(1).await;
    drop(response);
    server.recorded.until_open(0).await;
}
