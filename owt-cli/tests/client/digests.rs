//! Source is sent once, and again only where a server has forgotten it.

use owt_client::{Adaptor, Client, Form, Method, Reply};
use serde_json::json;

use crate::proxy::Proxy;
use crate::real::Server;

const LARGE: usize = 100 * 1024;

/// An adaptor of 100 KB, which in base64 are 137 KB.
fn large() -> Adaptor {
    let code = "def run(request, n=0):
    size = 0 if request.mimetype == 'application/json' else len(request.data)
    return [n, size, sorted(set(request.form) - {'code_b64', 'code_sha256'})]
";
    Adaptor::from_source(&format!("{code}#{}\n", "x".repeat(LARGE)))
}

async fn text(reply: Result<Reply, owt_client::Error>) -> String {
    reply.expect("the call succeeds").text().await.expect("the answer is whole")
}

#[tokio::test]
async fn the_second_call_of_a_large_adaptor_sends_less_than_a_kilobyte() {
    let server = Server::start(&[]);
    let proxy = Proxy::to(server.address);
    let client = Client::new(&proxy.url).unwrap();
    let adaptor = large();

    let call = |n: u32| client.call(&adaptor).kwargs(&json!({"n": n})).send();
    assert_eq!(text(call(1).await).await, "[1,0,[]]");
    let first = proxy.sent();
    assert!((LARGE * 4 / 3..LARGE * 4 / 3 + 1000).contains(&first), "{first}");

    assert_eq!(text(call(2).await).await, "[2,0,[]]");
    let second = proxy.sent();
    assert!(second < 1000, "{second}");

    let clone = client.clone().with_auth("me", "pw");
    assert_eq!(text(clone.call(large()).send().await).await, "[0,0,[]]");
    let of_a_clone = proxy.sent();
    assert!(of_a_clone < 1000, "{of_a_clone}");
}

#[tokio::test]
async fn a_server_that_was_started_anew_is_sent_the_source_again() {
    let old = Server::start(&[]);
    let proxy = Proxy::to(old.address);
    let client = Client::new(&proxy.url).unwrap();
    let adaptor = large();
    assert_eq!(text(client.call(&adaptor).send().await).await, "[0,0,[]]");

    let new = Server::start(&[]);
    proxy.replace(old, &new);
    proxy.sent();
    assert_eq!(text(client.call(&adaptor).send().await).await, "[0,0,[]]");
    assert!(proxy.sent() > LARGE, "the source is sent again");
    assert_eq!(text(client.call(&adaptor).send().await).await, "[0,0,[]]");
    assert!(proxy.sent() < 1000, "the digest is enough again");
}

#[tokio::test]
async fn what_is_uploaded_is_there_when_the_source_is_sent_again() {
    let old = Server::start(&[]);
    let proxy = Proxy::to(old.address);
    let client = Client::new(&proxy.url).unwrap();
    let small = Adaptor::from_source("def run(request):\n    return len(request.data)\n");
    assert_eq!(text(client.call(&small).body("four").send().await).await, "4");
    assert_eq!(text(client.call(large()).send().await).await, "[0,0,[]]");

    let new = Server::start(&[]);
    proxy.replace(old, &new);
    assert_eq!(text(client.call(&small).body("four").send().await).await, "4");
    let form = Form::new().text("a", "1").bytes("b", "b.bin", "2");
    assert_eq!(text(client.call(large()).form(form).send().await).await, r#"[0,0,["a"]]"#);
}

#[tokio::test]
async fn a_known_digest_makes_room_for_code_that_is_too_long_for_a_url() {
    let server = Server::start(&[]);
    let client = Client::new(&server.url()).unwrap();
    let adaptor = large();
    let get = || client.call(&adaptor).method(Method::GET).send();
    assert!(matches!(get().await, Err(owt_client::Error::UrlTooLong)));
    assert_eq!(text(client.call(&adaptor).send().await).await, "[0,0,[]]");
    assert_eq!(text(get().await).await, "[0,0,[]]");
    assert_eq!(text(client.call(&adaptor).body("four").send().await).await, "[0,4,[]]");
}
