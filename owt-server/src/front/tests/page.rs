//! Who gets the page in which code is written, and what goes with it.

use reqwest::Response;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use rstest::rstest;

use super::super::{Auth, Guard, StaticFiles};
use super::server::{Server, header, start, start_with};

type Headers<'a> = &'a [(&'static str, &'a str)];

const OPENED: Headers<'static> = &[
    ("accept", "text/html,*/*;q=0.8"),
    ("sec-fetch-site", "none"),
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-dest", "document"),
];

async fn open(server: &Server, path: &str, headers: Headers<'_>) -> Response {
    let pairs = headers.iter().map(|(name, value)| {
        (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
    });
    let request = reqwest::Client::new().get(server.url(path));
    request.headers(pairs.collect::<HeaderMap>()).send().await.unwrap()
}

/// The error's code, or the title of the page.
async fn outcome(response: Response) -> String {
    match header(&response, "owt-error") {
        Some(code) => code.to_owned(),
        None => {
            let text = response.text().await.unwrap();
            let title =
                text.split_once("<title>").and_then(|(_, rest)| rest.split_once("</title>"));
            title.map_or(text.clone(), |(title, _)| title.to_owned())
        }
    }
}

#[rstest]
#[case::opened("/", OPENED, "owt")]
#[case::by_its_own_path("/_owt/", OPENED, "owt")]
#[case::with_a_query_of_its_own("/?utm=1", OPENED, "owt")]
#[case::by_an_old_browser("/", &[("accept", "text/html")], "owt")]
#[case::by_a_program("/", &[], "code-missing")]
#[case::by_a_program_at_its_own_path("/_owt/", &[("accept", "*/*")], "path-unknown")]
#[case::elsewhere("/a", OPENED, "code-missing")]
#[case::with_code("/?code_b64=aGVsbG8", OPENED, "confirmation-required")]
#[case::by_a_script("/", &[("accept", "text/html"), ("sec-fetch-mode", "cors")], "code-missing")]
#[case::in_a_frame(
    "/",
    &[("accept", "text/html"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")],
    "code-missing"
)]
#[case::by_a_link_of_another_site(
    "/_owt/",
    &[
        ("accept", "text/html"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-dest", "document"),
    ],
    "cross-site"
)]
#[case::ahead_of_its_user(
    "/",
    &[("accept", "text/html"), ("sec-purpose", "prefetch"), ("sec-fetch-site", "none")],
    "cross-site"
)]
#[actix_web::test]
async fn the_page_is_for_a_browser_that_opens_the_server(
    #[case] path: &str,
    #[case] headers: Headers<'static>,
    #[case] expected: &str,
) {
    let server = start();
    assert_eq!(outcome(open(&server, path, headers).await).await, expected);
}

#[actix_web::test]
async fn a_file_comes_before_the_page() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("index.html"), "<title>a file</title>").unwrap();
    let files = StaticFiles::open(folder.path()).unwrap();
    let server = start_with(|state| state.static_files = Some(files));
    assert_eq!(outcome(open(&server, "/", OPENED).await).await, "a file");
    assert_eq!(outcome(open(&server, "/_owt/", OPENED).await).await, "owt");
}

#[actix_web::test]
async fn there_may_be_no_page() {
    let server = start_with(|state| state.has_page = false);
    for (path, expected) in
        [("/", "code-missing"), ("/_owt/", "path-unknown"), ("/_owt/page/frame", "path-unknown")]
    {
        assert_eq!(outcome(open(&server, path, OPENED).await).await, expected);
    }
}

#[actix_web::test]
async fn the_page_asks_for_the_password_first() {
    let ann = format!("ann:{}", owt_core::Digest::of("foo")).parse().unwrap();
    let auth = Auth::new(vec![ann], None).unwrap();
    let guard = Guard::new([127, 0, 0, 1].into(), auth, vec![], vec![]);
    let server = start_with(|state| state.guard = guard);
    for path in ["/", "/_owt/", "/_owt/page/frame"] {
        assert_eq!(outcome(open(&server, path, OPENED).await).await, "auth-required");
    }
}

/// The policies themselves are tried by browsers, in `tests/web`.
#[actix_web::test]
async fn a_page_is_in_no_frame_and_its_frame_is_a_page_of_nobody() {
    let server = start();
    let page = open(&server, "/", OPENED).await;
    let policy = header(&page, "content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; script-src 'sha256-"), "{policy}");
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    assert_eq!(header(&page, "x-frame-options"), Some("DENY"));
    assert_eq!(header(&page, "cross-origin-opener-policy"), Some("same-origin"));
    let frame = open(&server, "/_owt/page/frame", OPENED).await;
    let policy = header(&frame, "content-security-policy").unwrap();
    assert!(policy.starts_with("sandbox allow-scripts; default-src 'none';"), "{policy}");
}

#[rstest]
#[case::plain(None, None)]
#[case::compressed(Some("gzip, br"), Some("gzip"))]
#[case::not_wanted(Some("gzip;q=0, identity"), None)]
#[actix_web::test]
async fn the_page_is_sent_once_in_the_form_that_its_browser_takes(
    #[case] accepted: Option<&'static str>,
    #[case] encoding: Option<&str>,
) {
    let server = start();
    let accepted = accepted.map(|accepted| ("accept-encoding", accepted));
    let headers: Vec<_> = OPENED.iter().copied().chain(accepted).collect();
    let first = open(&server, "/", &headers).await;
    assert_eq!(header(&first, "content-encoding"), encoding);
    let etag = header(&first, "etag").unwrap().to_owned();
    let known = [&headers[..], &[("if-none-match", &etag)]].concat();
    let again = open(&server, "/", &known).await;
    assert_eq!(again.status(), 304);
    assert_eq!(again.text().await.unwrap(), "");
    assert!(!first.bytes().await.unwrap().is_empty());
}
