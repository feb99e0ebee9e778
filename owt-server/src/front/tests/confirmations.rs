//! Links: what runs, what is asked about, and how it is confirmed.

use std::collections::BTreeMap;
use std::time::Duration;

use owt_core::Error;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue, LOCATION, SET_COOKIE};
use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use rstest::rstest;

use super::super::{Auth, Confirmations, Guard, Place};
use super::server::{Server, digest, header, start, start_with};

type Headers<'a> = &'a [(&'static str, &'a str)];

/// What browsers send for the address bar, a link on another site, and a picture there.
const TYPED: Headers<'static> =
    &[("sec-fetch-site", "none"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];
const CLICKED: Headers<'static> = &[
    ("sec-fetch-site", "cross-site"),
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-dest", "document"),
    ("referer", "https://evil.example/"),
];
const PICTURE: Headers<'static> =
    &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "image")];
const OWN_LINK: Headers<'static> = &[
    ("sec-fetch-site", "same-origin"),
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-dest", "document"),
];
const OWN_FORM: Headers<'static> = &[("sec-fetch-site", "same-origin")];

/// What they send by a name that is not loopback, over plain HTTP.
const SILENT: Headers<'static> = &[
    ("host", "box.example:9876"),
    ("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
    ("accept", "text/html,*/*;q=0.8"),
];

fn client() -> Client {
    Client::builder().redirect(Policy::none()).build().unwrap()
}

fn map(pairs: &[Headers<'_>]) -> HeaderMap {
    let pairs = pairs.iter().flat_map(|pairs| pairs.iter());
    pairs
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
        .collect()
}

async fn open(url: &str, headers: Headers<'_>) -> Response {
    client().get(url).headers(map(&[headers])).send().await.unwrap()
}

/// The error's code, or what the call has answered.
async fn outcome(response: Response) -> String {
    match header(&response, "owt-error") {
        Some(code) => code.to_owned(),
        None => response.text().await.unwrap(),
    }
}

fn start_as_box() -> Server {
    start_with(|state| {
        let hosts = vec!["box.example".to_owned()];
        state.guard = Guard::new([127, 0, 0, 1].into(), Auth::nobody(), vec![], hosts);
    })
}

/// A page that asks: its form and its cookie.
struct Asked {
    fields: BTreeMap<String, String>,
    cookie: String,
}

async fn ask(url: &str, headers: Headers<'_>) -> Asked {
    let response = open(url, headers).await;
    let cookie = response.headers()[SET_COOKIE].to_str().unwrap();
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let page = response.text().await.unwrap();
    let inputs = page.split("<input type=\"hidden\" name=\"").skip(1);
    let fields = inputs.map(|input| {
        let (name, rest) = input.split_once("\" value=\"").unwrap();
        let (value, _) = rest.split_once('"').unwrap();
        (name.to_owned(), value.replace("&amp;", "&"))
    });
    Asked { fields: fields.collect(), cookie }
}

async fn submit(server: &Server, asked: &Asked, headers: &[Headers<'_>]) -> Response {
    let request = client().post(server.url("/_owt/confirm")).form(&asked.fields);
    request.headers(map(headers)).send().await.unwrap()
}

/// Waits until a page can be confirmed.
async fn wait() {
    tokio::time::sleep(Duration::from_millis(1010)).await;
}

#[rstest]
#[case(TYPED, "confirmation-required")]
#[case(CLICKED, "confirmation-required")]
#[case(PICTURE, "cross-site")]
#[case(&[("sec-fetch-site", "none")], "confirmation-required")]
#[case(OWN_LINK, "hello")]
#[case(&[("sec-fetch-site", "same-site")], "hello")]
#[case(&[], "hello")]
#[actix_web::test]
async fn a_link_to_what_was_never_run_runs_nothing(
    #[case] headers: Headers<'_>,
    #[case] expected: &str,
) {
    let server = start();
    assert_eq!(outcome(open(&server.run("hello"), headers).await).await, expected);
    assert_eq!(server.recorded.runs(), u64::from(expected == "hello"));
}

#[rstest]
#[case(&[], "confirmation-required")]
#[case(&[("referer", "http://evil.example/")], "confirmation-required")]
#[case(&[("referer", "http://box.example:9876/page")], "hello")]
#[actix_web::test]
async fn a_browser_that_does_not_say_who_asks_runs_nothing(
    #[case] more: Headers<'_>,
    #[case] expected: &str,
) {
    let server = start_as_box();
    let response = open(&server.run("hello"), &[SILENT, more].concat()).await;
    assert_eq!(outcome(response).await, expected);
}

#[rstest]
#[case(TYPED)]
#[case(CLICKED)]
#[case(&[("sec-fetch-site", "none")])]
#[actix_web::test]
async fn a_link_to_what_a_program_has_run_runs(#[case] headers: Headers<'_>) {
    let server = start();
    server.text(server.run("hello")).await;
    assert_eq!(outcome(open(&server.run("hello"), headers).await).await, "hello");
    let other = format!("{}&kwargs_b64={{}}", server.run("hello"));
    assert_eq!(outcome(open(&other, headers).await).await, "confirmation-required");
}

#[actix_web::test]
async fn what_was_run_for_one_page_runs_in_no_picture_of_another() {
    let server = start();
    server.text(server.run("hello")).await;
    assert_eq!(outcome(open(&server.run("hello"), PICTURE).await).await, "cross-site");
}

#[actix_web::test]
async fn a_page_that_asks_can_be_neither_framed_nor_scripted() {
    let server = start();
    let response = open(&server.run("hello"), CLICKED).await;
    assert_eq!(response.status(), 403);
    let policy = header(&response, "content-security-policy").unwrap().to_owned();
    let directives: Vec<_> = policy
        .split("; ")
        .map(|directive| directive.split_once(' ').unwrap())
        .map(|(name, value)| (name, value.split('-').next().unwrap()))
        .collect();
    let expected = [
        ("default-src", "'none'"),
        ("style-src", "'sha256"),
        ("script-src", "'sha256"),
        ("form-action", "'self'"),
        ("frame-ancestors", "'none'"),
        ("base-uri", "'none'"),
    ];
    assert_eq!(directives, expected);
    let headers = [
        ("content-type", "text/html; charset=utf-8"),
        ("owt-error", "confirmation-required"),
        ("owt-code-sha256", &digest("hello")),
        ("x-frame-options", "DENY"),
        ("x-content-type-options", "nosniff"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("referrer-policy", "strict-origin"),
        ("cache-control", "no-store"),
    ];
    assert_eq!(headers.map(|(name, _)| (name, header(&response, name).unwrap())), headers);
    let cookie = header(&response, "set-cookie").unwrap();
    assert!(cookie.ends_with("; Path=/_owt/confirm; HttpOnly; SameSite=Strict"), "{cookie}");
    let page = response.text().await.unwrap();
    assert!(page.contains("A page of <strong>https://evil.example</strong> sent"), "{page}");
}

#[rstest]
#[case(CLICKED, &[], OWN_FORM)]
#[case(TYPED, &[], OWN_FORM)]
#[case(SILENT, &[("host", "box.example:9876")], &[("origin", "http://box.example:9876")])]
#[actix_web::test]
async fn what_is_confirmed_runs_from_then_on(
    #[case] opening: Headers<'_>,
    #[case] host: Headers<'_>,
    #[case] sending: Headers<'_>,
) {
    let server = start_as_box();
    let url = format!("{}&b=%26%22", server.run("hello"));
    let asked = ask(&url, opening).await;
    wait().await;
    let response = submit(&server, &asked, &[host, sending, &[("cookie", &asked.cookie)]]).await;
    let path = url.strip_prefix(&server.url("")).unwrap();
    assert_eq!(
        (response.status().as_u16(), response.headers()[LOCATION].to_str().unwrap()),
        (303, path)
    );
    assert_eq!(server.recorded.runs(), 0);
    for headers in [opening, CLICKED, TYPED] {
        assert_eq!(outcome(open(&url, headers).await).await, "hello");
    }
    let other = open(&server.run("hello"), opening).await;
    assert_eq!(outcome(other).await, "confirmation-required");
}

#[rstest]
#[case::from_another_site(&[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")], true, "cross-site")]
#[case::from_another_port(&[("sec-fetch-site", "same-site")], true, "cross-site")]
#[case::from_another_origin(&[("origin", "http://localhost:1")], true, "cross-site")]
#[case::from_an_old_browser(&[], true, "cross-site")]
#[case::without_the_cookie(OWN_FORM, false, "confirmation-required")]
#[case::before_a_second_is_over(OWN_FORM, true, "confirmation-required")]
#[actix_web::test]
async fn no_other_page_can_confirm(
    #[case] headers: Headers<'_>,
    #[case] has_cookie: bool,
    #[case] expected: &str,
) {
    let server = start();
    let asked = ask(&server.run("hello"), CLICKED).await;
    let cookie: Headers<'_> = &[("cookie", &asked.cookie)];
    let cookie = if has_cookie { cookie } else { &[] };
    let response = submit(&server, &asked, &[headers, cookie]).await;
    assert_eq!(outcome(response).await, expected);
    let again = open(&server.run("hello"), CLICKED).await;
    assert_eq!(outcome(again).await, "confirmation-required");
    assert_eq!(server.recorded.runs(), 0);
}

#[actix_web::test]
async fn a_form_confirms_only_the_call_that_its_page_has_shown() {
    let server = start();
    let asked = ask(&server.run("hello"), CLICKED).await;
    let other = ask(&server.run("count"), CLICKED).await;
    wait().await;
    for field in ["url", "call", "token"] {
        let mut mixed = Asked { fields: asked.fields.clone(), cookie: asked.cookie.clone() };
        mixed.fields.insert(field.to_owned(), other.fields[field].clone());
        let cookie: Headers<'_> = &[("cookie", &asked.cookie)];
        let response = submit(&server, &mixed, &[OWN_FORM, cookie]).await;
        assert_eq!(outcome(response).await, "confirmation-required", "{field}");
    }
    for code in ["hello", "count"] {
        let response = open(&server.run(code), CLICKED).await;
        assert_eq!(outcome(response).await, "confirmation-required");
    }
}

#[actix_web::test]
async fn a_page_shows_the_source_that_a_digest_stands_for() {
    let server = start();
    let url = server.url(&format!("/?code_sha256={}", digest("hello")));
    assert_eq!(outcome(open(&url, TYPED).await).await, "code-unknown");
    server.text(server.run("hello")).await;
    assert_eq!(outcome(open(&url, TYPED).await).await, "hello");
    let url = format!("{url}&fn_name=main");
    let page = open(&url, TYPED).await.text().await.unwrap();
    assert!(page.contains("<span class=\"source\">hello</span>"), "{page}");
}

#[rstest]
#[case("/_owt/health", "cross-site")]
#[case("/", "cross-site")]
#[case("/?code_b64=%21", "cross-site")]
#[actix_web::test]
async fn a_page_of_another_site_learns_nothing_where_nothing_would_run(
    #[case] path: &str,
    #[case] expected: &str,
) {
    let server = start();
    assert_eq!(outcome(open(&server.url(path), CLICKED).await).await, expected);
}

#[actix_web::test]
async fn where_links_are_trusted_nobody_is_asked() {
    let server = start_with(|state| {
        state.confirmations = Confirmations::new(Place::default(), true);
    });
    assert_eq!(outcome(open(&server.run("hello"), CLICKED).await).await, "hello");
    assert_eq!(outcome(open(&server.run("hello"), PICTURE).await).await, "cross-site");
}

#[actix_web::test]
async fn what_is_refused_for_want_of_a_click_says_what_to_do() {
    let server = start();
    let response = open(&server.run("hello"), &[("sec-fetch-site", "none")]).await;
    assert_eq!(response.status(), 403);
    let sentence = Error::ConfirmationRequired.sentence();
    assert_eq!(response.text().await.unwrap(), format!("{sentence}\n"));
}

#[actix_web::test]
async fn nothing_but_a_form_is_taken_for_a_confirmation() {
    let server = start();
    let response = open(&server.url("/_owt/confirm"), OWN_LINK).await;
    assert_eq!(outcome(response).await, "path-unknown");
    let request = client().post(server.url("/_owt/confirm")).headers(map(&[OWN_FORM]));
    let response = request.body("x".repeat(300_000)).send().await.unwrap();
    assert_eq!(outcome(response).await, "body-too-large");
}
