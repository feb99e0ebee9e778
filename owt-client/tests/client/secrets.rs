//! Nothing that a caller would not want in a log gets into one.

use std::fmt::Write;
use std::sync::Mutex;

use log::{LevelFilter, Log, Metadata, Record};
use owt_client::{Adaptor, CacheKey, Call, Client, Envelope, Error, Form, Method};
use serde_json::json;

use crate::server::{Server, answer};

const SECRET: &str = "s3cret";
/// The same in base64, at each of its three positions in a group of bytes, without the ends.
const ENCODED: [&str; 3] = ["czNjcmV0", "MzY3JldA", "zM2NyZX"];

static LOG: Mutex<String> = Mutex::new(String::new());

struct Keep;

impl Log for Keep {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let mut log = LOG.lock().expect("nobody panics while holding it");
        writeln!(log, "{} {}", record.target(), record.args()).expect("text can be written to");
    }

    fn flush(&self) {}
}

fn assert_clean(text: &str) {
    let is_there = |secret: &&str| text.contains(*secret);
    assert_eq!([SECRET].iter().chain(&ENCODED).find(|secret| is_there(secret)), None, "{text}");
}

fn client(base: &str) -> Client {
    let base = base.replace("http://", "http://me:s3cret@");
    let client = Client::new(&format!("{base}/path?token=s3cret"));
    client.expect("the base is an HTTP URL").with_auth("me", SECRET)
}

/// A call whose every part is a secret.
fn call(client: &Client) -> Call {
    let call = client.call(Adaptor::from_source("x = 's3cret'"));
    let call = call.kwargs(&json!({"s3cret": SECRET})).path("a?q=s3cret").fn_name(SECRET);
    call.header("X-Key", SECRET).cached(CacheKey::Text(SECRET.to_owned()))
}

/// Everything that an error shows of itself and its causes.
fn shown(err: &Error) -> String {
    let mut text = format!("{err} {err:?} {err:#?}");
    let mut cause = std::error::Error::source(err);
    while let Some(err) = cause {
        write!(text, " {err} {err:?}").expect("text can be written to");
        cause = err.source();
    }
    text
}

async fn failure(client: &Client, method: Method) -> Error {
    call(client).method(method).send().await.expect_err("the call fails")
}

#[tokio::test]
async fn errors_debug_and_logs_hold_no_secrets() {
    log::set_logger(&Keep).unwrap();
    log::set_max_level(LevelFilter::Trace);
    let refusal = "500 Internal Server Error\r\nOwt-Error: adaptor-raised";
    let refused = answer(refusal, "ValueError: s3cret\n  x = 's3cret'");
    let broken = "HTTP/1.1 200 OK\r\n".to_owned();
    let elsewhere = answer("302 Found\r\nLocation: http://host/?s3cret", "s3cret");

    let server = Server::answering(vec![refused, broken, elsewhere]);
    let client_here = client(&server.base);
    for method in [Method::POST, Method::GET] {
        assert_clean(&shown(&failure(&client_here, method).await));
    }
    let reply = call(&client_here).send().await.unwrap();
    assert_clean(&format!("{reply:?}"));
    assert_clean(&format!("{:?}", reply.stream()));
    server.requests();

    // Nobody listens at port 1.
    let nowhere = client("http://127.0.0.1:1");
    let err = failure(&nowhere, Method::GET).await;
    assert!(matches!(err, Error::Unreachable(_)), "{err:?}");
    assert_clean(&shown(&err));
    let err = Client::new("http://me:s3cret@ho st/?s3cret").unwrap_err();
    assert_clean(&shown(&err));
    let err = call(&client_here).header("X", "s3cret\n").send().await.unwrap_err();
    assert_clean(&shown(&err));

    assert_clean(&format!("{nowhere:?} {:?}", call(&nowhere)));
    let form = Form::new().text("name", SECRET).bytes("name", SECRET, SECRET);
    assert_clean(&format!("{form:?} {:?}", owt_client::Body::from(SECRET)));
    let code = owt_client::Code::source(SECRET);
    let envelope = Envelope { kwargs: Some(SECRET.to_owned()), ..Envelope::new(code) };
    assert_clean(&format!("{envelope:?}"));

    let log = LOG.lock().unwrap();
    assert!(log.contains("127.0.0.1"), "what the client's libraries do is logged: {log}");
    assert_clean(&log);
}
