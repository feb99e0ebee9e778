//! However a request is written, the guard decides the same on it, or refuses it.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, Uri};
use futures_util::FutureExt as _;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::super::Guard;
use super::super::auth::{Auth, Peer};
use super::super::headers::headers_with_host;
use super::server::{Server, start_with};

/// How many requests are written in another way.
const CASES: usize = 300;

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

type Pair = (String, String);

/// What a request says to the guard: the host that it asks, and headers.
#[derive(Debug, Clone)]
struct Said {
    host: &'static str,
    headers: Vec<Pair>,
}

/// A header that is there or not.
fn header(name: &'static str, values: &'static [&'static str]) -> BoxedStrategy<Option<Pair>> {
    let pair = select(values).prop_map(move |value| (name.to_owned(), value.to_owned()));
    option::of(pair).boxed()
}

fn said() -> impl Strategy<Value = Said> {
    let hosts = ["localhost", "127.0.0.1", "[::1]", "box.example", "evil.example", "10.0.0.1"];
    let headers = vec![
        header(
            "origin",
            &["http://localhost", "http://box.example", "https://app.example", "null"],
        ),
        header("sec-fetch-site", &["none", "same-origin", "same-site", "cross-site"]),
        header("sec-fetch-mode", &["navigate", "no-cors"]),
        header("sec-fetch-dest", &["document", "image"]),
        header("user-agent", &[FIREFOX, "curl/8.0"]),
        header(
            "referer",
            &["http://box.example/a", "https://app.example/", "http://evil.example/"],
        ),
        header("accept", &["text/html,*/*", "image/avif"]),
    ];
    // Each of the others decides nothing where there is an origin.
    let headers = (headers, any::<bool>()).prop_map(|(headers, has_origin)| {
        let headers = headers.into_iter().flatten();
        headers.filter(|(name, _)| has_origin || name != "origin").collect()
    });
    (select(hosts.to_vec()), headers).prop_map(|(host, headers)| Said { host, headers })
}

/// How a request is written, where there is a choice.
#[derive(Debug, Clone)]
struct Spelling {
    order: Vec<usize>,
    is_upper: Vec<bool>,
    before: &'static str,
    after: &'static str,
    host_end: &'static str,
    has_upper_host: bool,
    is_absolute: bool,
    /// Which header is there twice, and what it says then, if it is not the same.
    twice: Option<(usize, Option<&'static str>)>,
}

fn spelling() -> impl Strategy<Value = Spelling> {
    let blanks = || select(vec!["", " ", "\t", "  \t "]);
    let twice = (any::<usize>(), option::of(select(vec!["localhost", "same-origin", "other"])));
    (
        prop::collection::vec(any::<usize>(), 8),
        prop::collection::vec(any::<bool>(), 7),
        (blanks(), blanks()),
        select(vec!["", ":80", ":", ".", ".:80"]),
        (any::<bool>(), any::<bool>()),
        option::weighted(0.3, twice),
    )
        .prop_map(|(order, is_upper, (before, after), host_end, (upper, absolute), twice)| {
            Spelling {
                order,
                is_upper,
                before,
                after,
                host_end,
                has_upper_host: upper,
                is_absolute: absolute,
                twice,
            }
        })
}

impl Spelling {
    /// As most clients write.
    fn plain() -> Self {
        Spelling {
            order: vec![0],
            is_upper: vec![false],
            before: " ",
            after: "",
            host_end: "",
            has_upper_host: false,
            is_absolute: false,
            twice: None,
        }
    }

    /// Whether nothing in it can be a reason to refuse a request.
    fn is_harmless(&self) -> bool {
        self.twice.is_none() && matches!(self.host_end, "" | ":80")
    }

    fn host(&self, said: &Said) -> String {
        let host =
            if self.has_upper_host { said.host.to_uppercase() } else { said.host.to_owned() };
        format!("{host}{}", self.host_end)
    }

    fn name(&self, name: &str) -> String {
        let chars = name.chars().zip(self.is_upper.iter().cycle());
        let spelt = |(char, is_upper): (char, &bool)| match is_upper {
            true => char.to_ascii_uppercase(),
            false => char,
        };
        chars.map(spelt).collect()
    }

    fn pairs(&self, said: &Said) -> Vec<Pair> {
        let mut left = said.headers.clone();
        left.push(("host".to_owned(), self.host(said)));
        if let Some((index, other)) = self.twice {
            let (name, value) = left[index % left.len()].clone();
            left.push((name, other.map_or(value, str::to_owned)));
        }
        let mut pairs = Vec::new();
        for index in self.order.iter().cycle().take(left.len()) {
            pairs.push(left.remove(index % left.len()));
        }
        pairs
    }

    /// The request, to a path of its own: what has run before runs for more callers.
    fn write(&self, said: &Said, path: usize) -> String {
        let start =
            if self.is_absolute { format!("http://{}", self.host(said)) } else { String::new() };
        let (before, after) = (self.before, self.after);
        let line = |(name, value): Pair| format!("{}:{before}{value}{after}\r\n", self.name(&name));
        let lines: String = self.pairs(said).into_iter().map(line).collect();
        format!("GET {start}/{path}?code_b64=aGVsbG8 HTTP/1.1\r\nconnection: close\r\n{lines}\r\n")
    }
}

fn start() -> Server {
    start_with(|state| {
        let origins = vec!["https://app.example".parse().unwrap()];
        let hosts = vec!["box.example".to_owned()];
        state.guard = Guard::new([127, 0, 0, 1].into(), Auth::nobody(), origins, hosts);
    })
}

/// The status of an answer, and its error if it is one.
async fn decided(server: &Server, request: &str) -> (String, Option<String>) {
    let answer = server.raw(request).await.to_ascii_lowercase();
    let error = answer.lines().find_map(|line| line.strip_prefix("owt-error: "));
    let status = answer.split(' ').nth(1).unwrap_or_default();
    (status.to_owned(), error.map(str::to_owned))
}

#[actix_web::test]
async fn however_a_request_is_written_it_is_decided_the_same_or_refused() {
    let (server, mut runner) = (start(), TestRunner::deterministic());
    let (mut run, mut refused) = (0, 0);
    for case in 0..CASES {
        let tree = (said(), spelling()).new_tree(&mut runner).unwrap();
        let (said, spelling) = tree.current();
        let [plain, written] =
            [Spelling::plain().write(&said, 2 * case), spelling.write(&said, 2 * case + 1)];
        let expected = decided(&server, &plain).await;
        let found = decided(&server, &written).await;
        let is_refused = matches!(found.0.as_str(), "400" | "403");
        let is_right = found == expected || (is_refused && !spelling.is_harmless());
        assert!(
            is_right,
            "{expected:?}, but {found:?} where it is written so:\n{plain}\n{written}"
        );
        run += usize::from(found.0 == "200");
        refused += usize::from(is_refused);
    }
    // Neither is the only answer that there is.
    assert!(run > CASES / 20 && refused > CASES / 20, "{run} run, {refused} refused");
}

/// What the guard decides, in a word.
fn word(guard: &Guard, headers: &HeaderMap) -> String {
    match guard.admit(&Method::GET, headers, Peer::default()).now_or_never().unwrap() {
        Ok(access) => format!("{access:?}"),
        Err(err) => err.code().to_owned(),
    }
}

fn map<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> HeaderMap {
    let pair = |(name, value): (&str, &str)| {
        (HeaderName::try_from(name).unwrap(), HeaderValue::from_str(value).unwrap())
    };
    pairs.map(pair).collect()
}

#[actix_web::test]
async fn the_authority_of_http_2_counts_as_the_host() {
    let (server, mut runner) = (start(), TestRunner::deterministic());
    let guard = &server.state.guard;
    for _ in 0..CASES {
        let said = said().new_tree(&mut runner).unwrap().current();
        let pairs = || said.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let http_1 = map(pairs().chain([("host", said.host)]));
        let uri: Uri = format!("http://{}/a", said.host).parse().unwrap();
        for http_2 in [map(pairs()), map(pairs().chain([("host", "localhost")]))] {
            let http_2 = headers_with_host(&uri, &http_2);
            assert_eq!(word(guard, &http_2), word(guard, &http_1), "{said:?}");
        }
    }
}
