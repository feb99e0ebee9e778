//! The page that shows a call, and asks whether it is to run.
//!
//! Whatever it shows may have been chosen by an attacker, so all of it goes through the template, which
//! escapes it. It has no links, and nothing in it can be made to run but its own script.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use owt_core::{Digest, Field};
use sha2::{Digest as _, Sha256};
use url::form_urlencoded;

use super::call_key::{names, own_fields};
use super::highlight::{self, Kind, Line};
use super::place::{PATH, Place};
use crate::front::guard::OpenedBy;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// How many empty lines in a row are shown as such, so that nothing hides below them.
const MAX_EMPTY: usize = 3;

/// What a browser may do with the page: nothing is loaded, and it is in no frame.
pub(super) static POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text));
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; form-action 'self'; \
         frame-ancestors 'none'; base-uri 'none'",
        hash(STYLE),
        hash(SCRIPT)
    )
});

/// A call that somebody is asked about.
pub(super) struct Question<'a> {
    pub(super) opened_by: &'a OpenedBy,
    /// By which name this server was asked.
    pub(super) host: &'a str,
    pub(super) place: &'a Place,
    pub(super) path: &'a str,
    pub(super) query: &'a str,
    pub(super) source: &'a str,
    pub(super) digest: Digest,
    pub(super) fn_name: &'a str,
    pub(super) kwargs: Option<&'a str>,
    pub(super) pool: Option<&'a str>,
    /// Whether a lock says which packages are installed.
    pub(super) has_lock: bool,
    /// What the confirming form sends.
    pub(super) fields: [(&'static str, &'a str); 3],
}

pub(super) fn render(question: &Question<'_>) -> String {
    let lines = highlight::lines(question.source);
    let count = lines.len();
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Run this code? – owt" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    h1 { "Run this code?" }
                    p { (reason(question)) }
                    (warning())
                    h2 { "What would run" }
                    (facts(question))
                    h2 id="code" {
                        "The code "
                        small { (count) @if count == 1 { " line" } @else { " lines" } }
                    }
                    (listing(&lines, "code"))
                }
                (form(question))
                script { (PreEscaped(SCRIPT)) }
            }
        }
    }
    .into_string()
}

fn reason(question: &Question<'_>) -> Markup {
    let site = match question.opened_by {
        OpenedBy::Site(page) | OpenedBy::Unknown(page) => page.as_ref(),
        OpenedBy::User => None,
    };
    let site = site.map(|page| page.origin().ascii_serialization()).filter(|site| site != "null");
    html! {
        @match (site, question.opened_by) {
            (Some(site), _) => { "A page of " strong { (site) } " sent your browser here. It" }
            (None, OpenedBy::Site(_)) => {
                "A page of " strong { "another website" }
                ", which your browser does not name, sent it here. It"
            }
            (None, _) => { "The address that you have opened" }
        }
        " asks the owt server " strong { (question.host) }
        " to run the Python code below, which it has not run before."
    }
}

fn warning() -> Markup {
    html! {
        div.warning role="note" {
            strong { "Nothing has run yet. Run it only if you trust where it comes from." }
            ul {
                li {
                    "The code may do whatever the person who started owt may do: read and delete "
                    "files, start programs, use the network."
                }
                li {
                    "If it answers with a web page, that page can run any other code here, without "
                    "asking again."
                }
                li { "If you did not expect this page, close it." }
            }
        }
    }
}

fn facts(question: &Question<'_>) -> Markup {
    let fields: Vec<_> = own_fields(question.query)
        .flat_map(|field| form_urlencoded::parse(field.as_bytes()))
        .chain(names(question.query).map(|name| (Field::Name.name().into(), name)))
        .collect();
    html! {
        dl {
            dt { "Path" } dd { code { (visible(question.path)) } }
            dt { "Function" } dd { code { (visible(question.fn_name)) } }
            dt id="arguments" { "Arguments" }
            dd {
                @match question.kwargs {
                    Some(kwargs) => (arguments(kwargs)),
                    None => "none",
                }
            }
            @for (name, value) in fields {
                dt { "Query" } dd { code { (visible(&name)) " = " (visible(&value)) } }
            }
            @if let Some(pool) = question.pool {
                dt { "Pool" } dd { code { (visible(pool)) } }
            }
            @if question.has_lock {
                dt { "Packages" } dd { "those of a lock that comes with the call" }
            }
            dt { "Python" } dd { (question.place.python) }
            dt { "Folder" } dd { (question.place.folder) }
            dt { "SHA-256" } dd { code { (question.digest) } }
        }
    }
}

fn form(question: &Question<'_>) -> Markup {
    html! {
        form method="post" action=(PATH) {
            @for (name, value) in question.fields {
                input type="hidden" name=(name) value=(value);
            }
            div {
                button aria-describedby="once" { "Run this code" }
                p id="once" {
                    "The button works after a second. You are asked once: until owt is started anew, "
                    "this call runs whenever it is opened."
                }
            }
        }
    }
}

fn arguments(kwargs: &str) -> Markup {
    let lines = highlight::lines(kwargs);
    match &lines[..] {
        [line] => html! { code { (pieces(line)) } },
        lines => listing(lines, "arguments"),
    }
}

/// Text in which everything can be seen, on one line.
fn visible(text: &str) -> Markup {
    let lines = highlight::lines(text);
    html! {
        @for (number, line) in lines.iter().enumerate() {
            @if number > 0 { span.hidden { "\\n" } }
            @for (kind, piece) in line {
                @if *kind == Kind::Hidden { span.hidden { (piece) } } @else { (piece) }
            }
        }
    }
}

/// Lines with their numbers. Where many are empty, their number is shown instead.
fn listing(lines: &[Line], label: &str) -> Markup {
    let mut number = 0;
    html! {
        pre aria-labelledby=(label) {
            code {
                @for run in lines.chunk_by(|one, next| is_empty(one) && is_empty(next)) {
                    @if run.len() > MAX_EMPTY {
                        div.row {
                            span.number aria-hidden="true" {}
                            span.source.fold { (run.len()) " empty lines" }
                        }
                        ({ number += run.len(); "" })
                    } @else {
                        @for line in run {
                            ({ number += 1; "" })
                            div.row {
                                span.number aria-hidden="true" { (number) }
                                span.source { (pieces(line)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn is_empty(line: &Line) -> bool {
    line.iter().all(|(_, text)| text.trim().is_empty())
}

fn pieces(line: &Line) -> Markup {
    html! {
        @for (kind, text) in line {
            @match class(*kind) {
                Some(class) => span class=(class) { (text) },
                None => (text),
            }
        }
    }
}

fn class(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Plain => None,
        Kind::Comment => Some("comment"),
        Kind::Keyword => Some("keyword"),
        Kind::Number => Some("number-literal"),
        Kind::Text => Some("text"),
        Kind::Hidden => Some("hidden"),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    /// What a page says, without its style and its script.
    fn said(question: &Question<'_>) -> String {
        let page = render(question);
        let (_, body) = page.split_once("<body>").unwrap();
        body.split_once("<script>").unwrap().0.to_owned()
    }

    fn question<'a>(opened_by: &'a OpenedBy, place: &'a Place, source: &'a str) -> Question<'a> {
        Question {
            opened_by,
            host: "localhost:9876",
            place,
            path: "/a",
            query: "code_b64=cnVu&b=%3Cb%3E%0A&name=%3Ci%3E&c",
            source,
            digest: Digest::of(source),
            fn_name: "run",
            kwargs: Some("{'<': 1}"),
            pool: None,
            has_lock: false,
            fields: [("url", "/a?\""), ("call", "7"), ("token", "1.x")],
        }
    }

    fn place() -> Place {
        Place { python: "/usr/bin/python3".to_owned(), folder: "/home/ann".to_owned() }
    }

    #[test]
    fn a_page_shows_all_that_would_run_and_nothing_of_it_is_markup() {
        let source = "# <script>\n\n\n\n\nf('</code>')";
        let (place, opened_by) = (place(), OpenedBy::User);
        let expected = [
            r#"<main><h1>Run this code?</h1><p>The address that you have opened asks the owt server "#,
            r#"<strong>localhost:9876</strong> to run the Python code below, which it has not run "#,
            r#"before.</p>"#,
            &warning().into_string(),
            r#"<h2>What would run</h2><dl><dt>Path</dt><dd><code>/a</code></dd>"#,
            r#"<dt>Function</dt><dd><code>run</code></dd><dt id="arguments">Arguments</dt>"#,
            r#"<dd><code>{<span class="text">'&lt;'</span>: "#,
            r#"<span class="number-literal">1</span>}</code></dd>"#,
            r#"<dt>Query</dt><dd><code>b = &lt;b&gt;</code></dd>"#,
            r#"<dt>Query</dt><dd><code>c = </code></dd>"#,
            r#"<dt>Query</dt><dd><code>name = &lt;i&gt;</code></dd>"#,
            r#"<dt>Python</dt><dd>/usr/bin/python3</dd><dt>Folder</dt><dd>/home/ann</dd>"#,
            &format!("<dt>SHA-256</dt><dd><code>{}</code></dd></dl>", Digest::of(source)),
            r#"<h2 id="code">The code <small>6 lines</small></h2><pre aria-labelledby="code"><code>"#,
            r#"<div class="row"><span class="number" aria-hidden="true">1</span>"#,
            r#"<span class="source"><span class="comment"># &lt;script&gt;</span></span></div>"#,
            r#"<div class="row"><span class="number" aria-hidden="true"></span>"#,
            r#"<span class="source fold">4 empty lines</span></div>"#,
            r#"<div class="row"><span class="number" aria-hidden="true">6</span>"#,
            r#"<span class="source">f(<span class="text">'&lt;/code&gt;'</span>)</span></div>"#,
            r#"</code></pre></main><form method="post" action="/_owt/confirm">"#,
            r#"<input type="hidden" name="url" value="/a?&quot;">"#,
            r#"<input type="hidden" name="call" value="7"><input type="hidden" name="token" value="1.x">"#,
            r#"<div><button aria-describedby="once">Run this code</button><p id="once">The button works "#,
            r#"after a second. You are asked once: until owt is started anew, this call runs whenever "#,
            r#"it is opened.</p></div></form>"#,
        ];
        assert_eq!(said(&question(&opened_by, &place, source)), expected.concat());
    }

    #[rstest]
    #[case(OpenedBy::User, "The address that you have opened asks")]
    #[case(OpenedBy::Unknown(None), "The address that you have opened asks")]
    #[case(
        OpenedBy::Unknown("http://evil.example/a?b".parse().ok()),
        "A page of <strong>http://evil.example</strong> sent your browser here. It asks"
    )]
    #[case(
        OpenedBy::Site("https://evil.example:1/".parse().ok()),
        "A page of <strong>https://evil.example:1</strong> sent your browser here. It asks"
    )]
    #[case(
        OpenedBy::Site(None),
        "A page of <strong>another website</strong>, which your browser does not name, sent it here. It asks"
    )]
    fn a_page_names_the_site_that_the_link_is_on(
        #[case] opened_by: OpenedBy,
        #[case] expected: &str,
    ) {
        let place = place();
        let said = said(&question(&opened_by, &place, "run"));
        let (_, reason) = said.split_once("</h1><p>").unwrap();
        assert_eq!(reason.split(" the owt server").next(), Some(expected));
    }

    #[test]
    fn nothing_in_the_page_is_of_another_place() {
        let (place, opened_by) = (place(), OpenedBy::User);
        let page = render(&question(&opened_by, &place, "run"));
        for mark in ["http:", "https:", "src=", "href=", " style=", " onclick="] {
            assert!(!page.contains(mark), "{mark}");
        }
    }
}
