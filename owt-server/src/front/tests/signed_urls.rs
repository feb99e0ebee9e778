//! Signed URLs: what they open, to whom, and what they do not.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use owt_core::{Code, Envelope, FieldValue, UrlKeys};
use reqwest::Method;
use rstest::rstest;
use tempfile::TempDir;

use super::super::{Auth, Credential, Guard, SignedUrls, UrlKeyFileError, UrlKeySource};
use super::server::{Server, digest, header, start, start_with};

const KEY: &str = "C7dD5y3UDiqY5Rpi1MbNUqbBgzD0PMHQ4Ax0tH2YZmQ";

fn keys(text: &str) -> UrlKeys {
    text.parse().expect("it is a key")
}

/// A server that wants a password and has keys.
fn with_keys(source: &UrlKeySource) -> Server {
    start_with(|state| {
        let credential: Credential =
            format!("ada:{}", digest("secret")).parse().expect("it is a credential");
        let auth = Auth::new(vec![credential], None).expect("it has no file");
        state.guard = Guard::new([127, 0, 0, 1].into(), auth, vec![], vec![]);
        state.signed_urls = SignedUrls::open(Some(source)).expect("the keys can be used");
    })
}

fn with_key() -> Server {
    with_keys(&UrlKeySource::Keys(keys(KEY)))
}

/// The URL of a call for a path, signed by a key.
fn signed_by(key: &str, server: &Server, path: &str) -> String {
    let expires = SystemTime::now() + Duration::from_secs(60);
    let envelope = Envelope::new(Code::source("hello"));
    envelope
        .to_signed_url(&server.url(path), keys(key).newest(), expires)
        .expect("the URL is short")
}

fn signed(server: &Server) -> String {
    signed_by(KEY, server, "/a%20b")
}

async fn send(method: Method, url: &str, headers: &[(&str, &str)]) -> reqwest::Response {
    let request = reqwest::Client::new().request(method, url);
    let request =
        headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    request.send().await.expect("the server answers")
}

/// The status and owt's word of an answer.
fn verdict(response: &reqwest::Response) -> (u16, Option<&str>) {
    (response.status().as_u16(), header(response, "owt-error"))
}

#[rstest]
#[case::a_program(&[])]
#[case::a_picture_of_another_site(&[("sec-fetch-site", "cross-site"), ("sec-fetch-dest", "image")])]
#[case::an_event_source(&[("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")])]
#[case::a_link(&[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")])]
#[case::a_sandboxed_frame(&[("origin", "null")])]
#[case::an_old_browser(&[("user-agent", "Mozilla/5.0"), ("referer", "https://evil.example/")])]
#[case::a_wrong_password(&[("authorization", "Basic YTpi")])]
#[actix_web::test]
async fn anybody_may_make_the_call_of_a_signed_url(#[case] headers: &[(&str, &str)]) {
    let server = with_key();
    let response = send(Method::GET, &signed(&server), headers).await;
    let origin = headers.iter().find(|(name, _)| *name == "origin").map(|(_, value)| *value);
    assert_eq!(header(&response, "access-control-allow-origin"), origin);
    assert_eq!(header(&response, "vary"), Some("Origin"));
    assert_eq!(response.text().await.unwrap(), "hello");
    let unsigned = send(Method::GET, &server.run("hello"), headers).await;
    assert_eq!(verdict(&unsigned), (401, Some("auth-required")));
    assert_eq!(server.recorded.runs(), 1);
}

#[actix_web::test]
async fn a_head_needs_no_signature_of_its_own() {
    let server = with_key();
    let response = send(Method::HEAD, &signed(&server), &[]).await;
    assert_eq!(verdict(&response), (200, None));
    assert_eq!(header(&response, "content-length"), Some("5"));
}

#[rstest]
#[case(Method::POST)]
#[case(Method::PUT)]
#[case(Method::DELETE)]
#[case(Method::OPTIONS)]
#[case(Method::TRACE)]
#[actix_web::test]
async fn another_method_is_not_signed(#[case] method: Method) {
    let server = with_key();
    let response = send(method, &signed(&server), &[]).await;
    assert_eq!(verdict(&response), (403, Some("signature-invalid")));
    assert_eq!(server.recorded.runs(), 0);
}

#[rstest]
#[case::text("Content-Length: 2\r\n\r\nhi")]
#[case::chunks("Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n")]
#[case::another_call(
    "Content-Type: application/json\r\nContent-Length: 19\r\n\r\n{\"code_b64\":\"ZXZpbA\"}"
)]
#[case::that_is_announced("Expect: 100-continue\r\nContent-Length: 2\r\n\r\n")]
#[actix_web::test]
async fn a_body_is_not_signed(#[case] rest: &str) {
    let server = with_key();
    let target = signed(&server).replace(&server.url(""), "");
    let answer =
        server.raw(&format!("GET {target} HTTP/1.1\r\nHOST\r\nConnection: close\r\n{rest}")).await;
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    assert!(answer.to_ascii_lowercase().contains("owt-error: signature-invalid"), "{answer}");
    assert_eq!(server.recorded.runs(), 0);
}

#[rstest]
#[case::a_foreign_host(&[("host", "evil.example")], "host-not-allowed")]
#[case::a_prefetch(&[("sec-purpose", "prefetch")], "cross-site")]
#[actix_web::test]
async fn some_rules_hold_for_signed_urls_too(#[case] headers: &[(&str, &str)], #[case] code: &str) {
    let server = with_key();
    let response = send(Method::GET, &signed(&server), headers).await;
    assert_eq!(verdict(&response), (403, Some(code)));
    assert_eq!(server.recorded.runs(), 0);
}

#[rstest]
#[case::metrics("/_owt/metrics")]
#[case::calls("/_owt/calls")]
#[case::nothing("/_owt/")]
#[actix_web::test]
async fn what_is_for_operators_cannot_be_signed(#[case] path: &str) {
    let server = with_key();
    let response = send(Method::GET, &signed_by(KEY, &server, path), &[]).await;
    assert_eq!(verdict(&response), (403, Some("signature-invalid")));
}

#[rstest]
#[case::added(|url: &str| format!("{url}&fn_name=evil"))]
#[case::repeated(|url: &str| format!("{url}&code_b64=aGVsbG8"))]
#[case::other_code(|url: &str| url.replace("aGVsbG8", "ZXZpbA"))]
#[case::another_path(|url: &str| url.replace("/a%20b", "/c"))]
#[case::the_path_escaped_otherwise(|url: &str| url.replace("/a%20b", "/%61%20b"))]
#[case::another_expiry(|url: &str| url.replace("=v1.", "=v1.1"))]
#[case::unsigned(|url: &str| url.replace("owt_signature=v1.", "owt_signature=v1.x"))]
#[actix_web::test]
async fn a_changed_url_runs_nothing(#[case] change: fn(&str) -> String) {
    let server = with_key();
    // Not even for a caller who may call without it.
    let request = reqwest::Client::new().get(change(&signed(&server)));
    let response = request.basic_auth("ada", Some("secret")).send().await.unwrap();
    assert_eq!(verdict(&response), (403, Some("signature-invalid")));
    assert_eq!(server.recorded.runs(), 0);
}

#[actix_web::test]
async fn a_signature_of_another_key_or_for_a_server_without_keys_is_invalid() {
    let server = with_key();
    let response = send(Method::GET, &signed_by(&"A".repeat(43), &server, "/"), &[]).await;
    assert_eq!(verdict(&response), (403, Some("signature-invalid")));
    let server = start();
    let response = send(Method::GET, &signed(&server), &[]).await;
    assert_eq!(verdict(&response), (403, Some("signature-invalid")));
}

#[actix_web::test]
async fn an_expired_url_says_so() {
    let server = with_key();
    let call = |age| {
        let expires = SystemTime::now() - Duration::from_secs(age);
        let envelope = Envelope::new(Code::source("hello"));
        envelope.to_signed_url(&server.url("/"), keys(KEY).newest(), expires).unwrap()
    };
    let response = send(Method::GET, &call(40), &[]).await;
    assert_eq!(verdict(&response), (403, Some("signature-expired")));
    // Clocks differ.
    assert_eq!(verdict(&send(Method::GET, &call(10), &[]).await), (200, None));
}

#[actix_web::test]
async fn a_signed_call_may_be_cached() {
    let server = with_key();
    let mut envelope = Envelope::new(Code::source("hello"));
    envelope.set(owt_core::Field::UseCache, FieldValue::Flag(true)).unwrap();
    let expires = SystemTime::now() + Duration::from_secs(60);
    let url = envelope.to_signed_url(&server.url("/"), keys(KEY).newest(), expires).unwrap();
    for state in ["miss", "hit"] {
        let response = send(Method::GET, &url, &[("origin", "https://evil.example")]).await;
        assert_eq!(header(&response, "owt-cache"), Some(state));
        assert_eq!(header(&response, "access-control-allow-origin"), Some("https://evil.example"));
    }
}

/// A file of keys.
fn key_file(folder: &TempDir, text: &str) -> std::path::PathBuf {
    let path = folder.path().join("url.key");
    write_keys(&path, text);
    path
}

/// Puts another file in the place of the keys, as editors and `owt key` do.
fn write_keys(path: &Path, text: &str) {
    let next = path.with_extension("next");
    fs::write(&next, text).expect("the folder is ours");
    fs::set_permissions(&next, fs::Permissions::from_mode(0o600)).expect("the file is ours");
    fs::rename(next, path).expect("the folder is ours");
}

#[actix_web::test]
async fn keys_are_read_again_when_their_file_changes() {
    let folder = TempDir::new().unwrap();
    let path = key_file(&folder, KEY);
    let server = with_keys(&UrlKeySource::File(path.clone()));
    let newer = "A".repeat(43);
    let (older_url, newer_url) = (signed(&server), signed_by(&newer, &server, "/"));
    let statuses = async || {
        let answers = [&older_url, &newer_url].map(|url| send(Method::GET, url, &[]));
        let [older, newer] = answers;
        (older.await.status().as_u16(), newer.await.status().as_u16())
    };
    // What is new counts at once, what is gone counts for a second.
    let reach = async |expected| {
        let begun = Instant::now();
        while statuses().await != expected {
            assert!(begun.elapsed() < Duration::from_secs(10), "never {expected:?}");
        }
    };
    assert_eq!(statuses().await, (200, 403));
    write_keys(&path, &format!("{newer}\n{KEY}\n"));
    assert_eq!(statuses().await, (200, 200));
    write_keys(&path, &newer);
    reach((403, 200)).await;
    write_keys(&path, "broken");
    reach((403, 403)).await;
    write_keys(&path, KEY);
    assert_eq!(statuses().await, (200, 403));
    fs::remove_file(&path).unwrap();
    reach((403, 403)).await;
}

#[test]
fn a_key_file_that_is_everybodys_is_refused() {
    let folder = TempDir::new().unwrap();
    let path = key_file(&folder, KEY);
    let source = UrlKeySource::File(path.clone());
    for (mode, is_refused) in [(0o600, false), (0o640, false), (0o644, true), (0o602, true)] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let outcome = SignedUrls::open(Some(&source));
        assert_eq!(matches!(outcome, Err(UrlKeyFileError::Exposed(_))), is_refused, "{mode:o}");
    }
}

#[rstest]
#[case::empty("", "there is no key")]
#[case::short("abcd", "the key in line 1 has fewer than 32 bytes")]
fn a_key_file_without_keys_is_refused(#[case] text: &str, #[case] problem: &str) {
    let folder = TempDir::new().unwrap();
    let path = key_file(&folder, text);
    let err = SignedUrls::open(Some(&UrlKeySource::File(path.clone()))).unwrap_err();
    let expected = format!("cannot use the keys of signed URLs in {}: {problem}", path.display());
    assert_eq!(err.to_string(), expected);
}
