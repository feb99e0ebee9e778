//! What is refused, and how that is said.

use std::time::Duration;

use owt_core::{Digest, Error};
use rstest::rstest;
use serde_json::{Value, json};

use super::super::{Auth, Credential, Guard};
use super::server::{header, start, start_with};

#[rstest]
#[case::no_code("GET / HTTP/1.1\r\nHOST\r\n\r\n", 400, "code-missing")]
#[case::no_base64("GET /?code_b64=%21 HTTP/1.1\r\nHOST\r\n\r\n", 400, "code-not-base64")]
#[case::no_text("GET /?code_b64=_w HTTP/1.1\r\nHOST\r\n\r\n", 400, "code-not-utf8")]
#[case::arguments(
    "GET /?code_b64=aGVsbG8&kwargs_b64=_w HTTP/1.1\r\nHOST\r\n\r\n",
    400,
    "kwargs-invalid"
)]
#[case::field("GET /?code_b64=aGVsbG8&timeout=soon HTTP/1.1\r\nHOST\r\n\r\n", 400, "field-invalid")]
#[case::digest(&format!("GET /?code_sha256={} HTTP/1.1\r\nHOST\r\n\r\n", Digest::of("x")), 404, "code-unknown")]
#[case::foreign_host(
    "GET /?code_b64=aGVsbG8 HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
    403,
    "host-not-allowed"
)]
#[case::foreign_origin(
    "GET /?code_b64=aGVsbG8 HTTP/1.1\r\nHOST\r\nOrigin: https://evil.example\r\n\r\n",
    403,
    "origin-not-allowed"
)]
#[case::foreign_page(
    "GET /?code_b64=aGVsbG8 HTTP/1.1\r\nHOST\r\nSec-Fetch-Site: cross-site\r\n\r\n",
    403,
    "cross-site"
)]
#[case::no_envelope("POST / HTTP/1.1\r\nHOST\r\nContent-Length: 1\r\n\r\nx", 415, "content-type")]
#[case::no_json(
    "POST / HTTP/1.1\r\nHOST\r\nContent-Type: application/json\r\nContent-Length: 1\r\n\r\nx",
    400,
    "body-not-json"
)]
#[case::large_body(
    "POST / HTTP/1.1\r\nHOST\r\nContent-Length: 8388609\r\n\r\n",
    413,
    "body-too-large"
)]
#[case::long_url(&format!("GET /?code_b64={} HTTP/1.1\r\nHOST\r\n\r\n", "x".repeat(64_001)), 414, "url-too-long")]
#[case::request_id(
    "GET /?code_b64=aGVsbG8 HTTP/1.1\r\nHOST\r\nOwt-Request-Id: a b\r\n\r\n",
    400,
    "request-id-invalid"
)]
#[case::admin_path("GET /_owt/nothing HTTP/1.1\r\nHOST\r\n\r\n", 404, "path-unknown")]
#[case::call("DELETE /_owt/calls/nobody HTTP/1.1\r\nHOST\r\n\r\n", 404, "call-unknown")]
#[case::no_host("GET / HTTP/1.1\r\n\r\n", 400, "request-invalid")]
#[case::no_http("\r\n\r\n  nonsense\r\n\r\n", 400, "request-invalid")]
#[actix_web::test]
async fn a_bad_request_is_refused_by_name(
    #[case] request: &str,
    #[case] status: u16,
    #[case] code: &str,
) {
    let server = start();
    let request = request.replacen("\r\nHOST", "\r\nConnection: close\r\nHOST", 1);
    let answer = server.raw(&request).await;
    let head = answer.split("\r\n\r\n").next().unwrap_or_default().to_ascii_lowercase();
    assert!(head.starts_with(&format!("http/1.1 {status} ")), "{answer}");
    assert!(head.contains(&format!("\r\nowt-error: {code}")), "{answer}");
    assert_eq!(head.matches("\r\nvary: origin").count(), 1, "{answer}");
    assert_eq!(server.recorded.runs(), 0);
}

#[rstest]
#[case(Error::CodeInvalid("SyntaxError: x".to_owned()), 422, None)]
#[case(Error::AdaptorRaised("ValueError: x".to_owned()), 500, None)]
#[case(Error::Cancelled, 409, None)]
#[case(Error::QueueFull, 503, Some("1"))]
#[case(Error::WorkerUnavailable("no Python".to_owned()), 503, Some("1"))]
#[case(Error::Deadline { limit: Duration::from_secs(2) }, 504, None)]
#[actix_web::test]
async fn an_executors_error_has_its_status_its_name_and_its_sentence(
    #[case] error: Error,
    #[case] status: u16,
    #[case] retry_after: Option<&str>,
) {
    let server = start();
    *server.recorded.error.lock() = Some(error.clone());
    let response = server.get(server.run("fail")).await;
    assert_eq!(response.status(), status);
    assert_eq!(header(&response, "owt-error"), Some(error.code()));
    assert_eq!(header(&response, "retry-after"), retry_after);
    assert_eq!(header(&response, "content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(response.text().await.unwrap(), format!("{}\n", error.sentence()));
}

#[actix_web::test]
async fn a_program_gets_problem_details() {
    let server = start();
    let request = reqwest::Client::new().get(server.url("/")).header("accept", "application/json");
    let response = request.send().await.unwrap();
    assert_eq!(header(&response, "content-type"), Some("application/problem+json"));
    let problem: Value = response.json().await.unwrap();
    let sentence = Error::CodeMissing.sentence();
    assert_eq!(
        problem,
        json!({
            "type": "urn:owt:error:code-missing",
            "title": problem["title"],
            "status": 400,
            "detail": sentence,
            "code": "code-missing",
        })
    );
}

#[actix_web::test]
async fn a_password_is_asked_for_before_anything_is_decoded() {
    let server = start_with(|state| {
        let ada = Credential::sha256("ada", "secret").unwrap();
        let auth = Auth::new(vec![ada], None).unwrap();
        state.guard = Guard::new([127, 0, 0, 1].into(), auth, vec![], vec![]);
    });
    let response = server.get(server.url("/?code_b64=%21")).await;
    assert_eq!(
        (response.status().as_u16(), header(&response, "owt-error")),
        (401, Some("auth-required"))
    );
    assert!(header(&response, "www-authenticate").unwrap().starts_with("Basic "));
    let request = reqwest::Client::new().get(server.run("hello")).basic_auth("ada", Some("secret"));
    assert_eq!(request.send().await.unwrap().text().await.unwrap(), "hello");
}
