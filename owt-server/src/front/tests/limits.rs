//! What is larger than the options allow.

use owt_core::Error;
use owt_core::codec::encode_url;
use rstest::rstest;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use super::super::{Connections, RequestLimits};
use super::server::{Server, header, start_with};

const LIMITS: RequestLimits = RequestLimits {
    head: 1000,
    headers: 6,
    url: 400,
    fields: 3,
    parts: 2,
    streams: 1,
    nesting: 2,
    kwargs: Some(20_000),
};

fn server() -> Server {
    start_with(|state| state.limits = LIMITS)
}

const FORM: &str = "Content-Type: application/x-www-form-urlencoded";
const PARTS: &str = "Content-Type: multipart/form-data; boundary=x";
const JSON: &str = "Content-Type: application/json";

fn get(query: &str, more: &str) -> String {
    format!("GET /?code_b64=aGVsbG8{query} HTTP/1.1\r\nHOST\r\nConnection: close\r\n{more}\r\n")
}

fn post(content_type: &str, body: &str) -> String {
    post_to("/", content_type, body)
}

fn post_to(target: &str, content_type: &str, body: &str) -> String {
    let len = body.len();
    format!(
        "POST {target} HTTP/1.1\r\nHOST\r\nConnection: close\r\n{content_type}\r\nContent-Length: {len}\r\n\r\n{body}"
    )
}

fn parts(count: usize) -> String {
    let part = |name: &str| {
        format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\naGVsbG8\r\n")
    };
    let others = (1..count).map(|number| part(&number.to_string()));
    [part("code_b64")].into_iter().chain(others).collect::<String>() + "--x--\r\n"
}

fn kwargs(text: &str) -> String {
    get(&format!("&kwargs_b64={}", encode_url(text.as_bytes())), "")
}

#[rstest]
#[case::head(&get("", &format!("X: {}\r\n", "x".repeat(1000))), Error::HeadTooLarge { limit: 1000 })]
#[case::headers(&get("", &"X: x\r\n".repeat(5)), Error::TooManyHeaders { limit: 6 })]
#[case::more_headers_than_are_read(&get("", &"X: x\r\n".repeat(95)), Error::TooManyHeaders { limit: 6 })]
#[case::url(&get(&format!("&x={}", "x".repeat(400)), ""), Error::UrlTooLong { limit: 400 })]
#[case::longer_url_than_is_read(&get(&"x".repeat(66_000), ""), Error::UrlTooLong { limit: 400 })]
#[case::query(&get("&a&b&c", ""), Error::TooManyFields { limit: 3 })]
#[case::form(&post(FORM, "code_b64=aGVsbG8&a&b&c"), Error::TooManyFields { limit: 3 })]
#[case::form_of_nobody(&post_to("/?mine=1", FORM, "a&b&c&d"), Error::TooManyFields { limit: 3 })]
#[case::parts(&post(PARTS, &parts(3)), Error::TooManyParts { limit: 2 })]
#[case::nesting(&kwargs("{'a': [[1]]}"), Error::KwargsTooDeep { limit: 2 })]
#[case::nesting_of_an_object(
    &post(JSON, r#"{"code_b64": "aGVsbG8", "kwargs": {"a": [[1]]}}"#),
    Error::KwargsTooDeep { limit: 2 }
)]
#[case::literal(&kwargs(&format!("[{}(1, 2)]", "1,".repeat(20))), Error::KwargsTooLarge { limit: 20_000 })]
#[actix_web::test]
async fn what_is_too_large_is_refused_by_its_name(#[case] request: &str, #[case] error: Error) {
    let server = server();
    let answer = server.raw(request).await;
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
    let head = format!("{}\r\n", head.to_ascii_lowercase());
    assert!(head.starts_with(&format!("http/1.1 {} ", error.status())), "{answer}");
    assert!(head.contains(&format!("\r\nowt-error: {}\r\n", error.code())), "{answer}");
    assert_eq!(body, format!("{}\n", error.sentence()));
    assert_eq!(server.recorded.runs(), 0);
}

#[rstest]
#[case::head(&get("", &format!("X: {}\r\n", "x".repeat(850))))]
#[case::headers(&get("", &"X: x\r\n".repeat(4)))]
#[case::query(&get("&a&b", ""))]
#[case::form(&post(FORM, "code_b64=aGVsbG8&a&b"))]
#[case::form_of_the_handler(&post_to("/?code_b64=aGVsbG8", FORM, "a&b&c&d"))]
#[case::parts(&post(PARTS, &parts(2)))]
#[case::nesting(&kwargs("{'a': [1]}"))]
#[case::brackets_in_a_text(&kwargs("words (((((("))]
#[case::json(&kwargs(&format!("[{}[1, 2]]", "1,".repeat(20))))]
#[case::what_belongs_to_the_handler(&post(JSON, r#"{"code_b64": "aGVsbG8", "mine": [[[[1]]]]}"#))]
#[actix_web::test]
async fn what_is_just_large_enough_runs(#[case] request: &str) {
    let server = server();
    let answer = server.raw(request).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_eq!(server.recorded.runs(), 1);
}

#[actix_web::test]
async fn a_connection_too_many_is_told_so_before_it_sends_anything() {
    let server = start_with(|state| state.connections = Connections::new(100, Some(1)));
    let first = TcpStream::connect(server.address).await.unwrap();
    while server.state.connections.count() == 0 {
        tokio::task::yield_now().await;
    }
    let mut answer = String::new();
    let mut second = TcpStream::connect(server.address).await.unwrap();
    second.read_to_string(&mut answer).await.unwrap();
    let error = Error::TooManyConnections { limit: 1 };
    assert!(answer.starts_with("HTTP/1.1 429 "), "{answer}");
    assert!(answer.contains("\r\nowt-error: too-many-connections\r\n"), "{answer}");
    assert!(answer.contains("\r\nretry-after: 1\r\n"), "{answer}");
    assert!(answer.ends_with(&format!("\r\n\r\n{}\n", error.sentence())), "{answer}");
    drop((first, second));
    while server.state.connections.count() > 0 {
        tokio::task::yield_now().await;
    }
    let response = server.get(server.run("hello")).await;
    assert_eq!((response.status().as_u16(), header(&response, "owt-error")), (200, None));
}
