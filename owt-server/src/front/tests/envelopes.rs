//! Where the envelope may be, and what its call sees then.

use reqwest::multipart;
use rstest::rstest;
use serde_json::{Value, json};

use super::server::{Server, start};

const FIELDS: [(&str, &str); 9] = [
    ("code_b64", "c2Vlbg"),
    ("kwargs_b64", "{\"a\": 1}"),
    ("fn_name", "go"),
    ("name", "iris.py"),
    ("timeout", "2.5"),
    ("reload", "true"),
    ("retry", "true"),
    ("pool", "gpu"),
    ("keep_alive", "5m"),
];

/// What differs between the ways to send an envelope, besides what is the same for all of them.
fn expected(method: &str, query: &str, body: &str, seen: &Value) -> Value {
    json!({
        "kwargs": "{\"a\": 1}",
        "fn_name": "go",
        "name": "iris.py",
        "reload": true,
        "retry": true,
        "pool": "gpu",
        "keep_alive": "300",
        "timeout": 2.5,
        "id": seen["id"],
        "method": method,
        "scheme": "http",
        "path": "/some/path",
        "query": query,
        "body": body,
        "parts": seen["parts"],
    })
}

async fn seen(request: reqwest::RequestBuilder) -> Value {
    request.send().await.unwrap().json().await.unwrap()
}

fn post(server: &Server) -> reqwest::RequestBuilder {
    reqwest::Client::new().post(server.url("/some/path"))
}

#[actix_web::test]
async fn in_the_query() {
    let server = start();
    let request = reqwest::Client::new().get(server.url("/some/path")).query(&FIELDS);
    let query = request.try_clone().unwrap().build().unwrap().url().query().unwrap().to_owned();
    let seen = seen(request).await;
    assert_eq!(seen, expected("GET", &query, "", &seen));
}

#[actix_web::test]
async fn in_json() {
    let server = start();
    let body = json!({
        "code_b64": "c2Vlbg", "kwargs_b64": "{\"a\": 1}", "fn_name": "go", "name": "iris.py",
        "timeout": 2.5, "reload": true, "retry": true, "pool": "gpu", "keep_alive": 300,
    });
    let seen = seen(post(&server).json(&body)).await;
    assert_eq!(seen, expected("POST", "", &body.to_string(), &seen));
}

#[actix_web::test]
async fn in_a_form() {
    let server = start();
    let request = post(&server).form(&FIELDS);
    let body = request.try_clone().unwrap().build().unwrap();
    let body = String::from_utf8(body.body().unwrap().as_bytes().unwrap().to_vec()).unwrap();
    let seen = seen(request).await;
    assert_eq!(seen, expected("POST", "", &body, &seen));
}

#[actix_web::test]
async fn in_a_multipart_form_beside_a_file() {
    let server = start();
    let form = FIELDS
        .into_iter()
        .fold(multipart::Form::new(), |form, (name, value)| form.text(name, value));
    let file = multipart::Part::text("x".repeat(2 << 20)).file_name("large.txt");
    let seen = seen(post(&server).multipart(form.part("photo", file))).await;
    assert_eq!(seen, expected("POST", "", "", &seen));
    assert_eq!(seen["parts"]["photo"], "a file of 2097152 bytes");
    assert_eq!(seen["parts"]["fn_name"], "go");
}

#[actix_web::test]
async fn in_the_query_beside_a_body_of_the_handlers_own() {
    let server = start();
    let request = post(&server).query(&FIELDS).body("raw");
    let query = request.try_clone().unwrap().build().unwrap().url().query().unwrap().to_owned();
    let seen = seen(request).await;
    assert_eq!(seen, expected("POST", &query, "raw", &seen));
}

#[rstest]
#[case("/?code_b64=c2Vlbg&fn_nam=go", "fn_nam")]
#[case("/?code_b64=c2Vlbg&use_cach=1", "use_cach")]
#[actix_web::test]
async fn a_field_that_looks_misspelt_is_warned_of(#[case] path: &str, #[case] name: &str) {
    let server = start();
    let response = server.get(server.url(path)).await;
    let warning = response.headers()["owt-warning"].to_str().unwrap();
    assert!(warning.contains(name), "{warning}");
}
