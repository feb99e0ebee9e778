//! What an adaptor sees of a call, and what its caller sees of the answer.

use owt_client::{Adaptor, CacheKey, Client, Error, Form, Method, StatusCode};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::real::Server;

#[tokio::test]
async fn the_adaptor_sees_method_path_and_headers() {
    let server = Server::start(&[]);
    let client = Client::new(&format!("{}/base?a=1", server.url())).unwrap();
    let source = "def run(request):
    return [request.method, request.path, request.args['a'], request.args['b'], request.headers['X-Mine']]";
    for method in [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
        let call = client.call(Adaptor::from_source(source)).method(method.clone());
        let reply = call.path("dé/x.wav?b=2").header("X-Mine", "3").send().await.unwrap();
        let seen: serde_json::Value = reply.json().await.unwrap();
        assert_eq!(seen, json!([method.as_str(), "/base/dé/x.wav", "1", "2", "3"]));
    }
}

#[tokio::test]
async fn every_field_of_the_envelope_is_understood() {
    let server = Server::start(&[]);
    let client = Client::new(&server.url()).unwrap();
    let adaptor =
        Adaptor::from_source("import uuid\ndef main(n):\n    return f'{n} {uuid.uuid4()}'");
    let call = |n, key| client.call(&adaptor).fn_name("main").kwargs(&json!({"n": n})).cached(key);
    let text = async |n, key| call(n, key).send().await.unwrap().text().await.unwrap();
    let first = text(1, CacheKey::CodeAndKwargs).await;
    assert_eq!(text(1, CacheKey::CodeAndKwargs).await, first);
    assert_ne!(text(2, CacheKey::CodeAndKwargs).await, first);
    let named = text(3, CacheKey::Text("mine".to_owned())).await;
    assert_eq!(text(4, CacheKey::Text("mine".to_owned())).await, named);
    let reloaded = call(5, CacheKey::Code).reload().send().await.unwrap();
    assert_eq!(reloaded.headers()["owt-cache"], "miss");
    assert!(reloaded.text().await.unwrap().starts_with("5 "));
}

#[tokio::test]
async fn an_adaptors_422_is_told_from_owts() {
    let server = Server::start(&[]);
    let client = Client::new(&server.url()).unwrap();
    let own = client.call(Adaptor::from_source("lambda: abort(422, 'not this way')"));
    let reply = own.send().await.unwrap();
    assert_eq!(reply.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(reply.request_id().len(), 16);
    assert_eq!(reply.text().await.unwrap(), "not this way");

    let owts = client.call(Adaptor::from_source("def run(:")).send().await.unwrap_err();
    let Error::Server(err) = owts else { panic!("{owts:?}") };
    assert_eq!(err.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(err.code, "code-invalid");
    assert!(err.text.contains("SyntaxError"), "{}", err.text);
    assert_eq!(err.request_id.len(), 16);
}

#[tokio::test]
async fn words_are_the_same_when_the_caller_takes_json() {
    let server = Server::start(&[]);
    let client = Client::new(&server.url()).unwrap();
    let call = || client.call(Adaptor::from_source("def walk(): pass"));
    let plain = call().send().await.unwrap_err();
    let problem = call().header("Accept", "application/json").send().await.unwrap_err();
    let (Error::Server(plain), Error::Server(problem)) = (plain, problem) else {
        panic!("both are refused")
    };
    assert!(plain.text.starts_with("The code has no function 'run'"), "{}", plain.text);
    assert_eq!(plain.text, problem.text);
}

#[tokio::test]
async fn a_user_is_known_by_name_and_password() {
    let digest = hex::encode(Sha256::digest("s:écret"));
    let server = Server::start(&["--auth", &format!("me:{digest}")]);
    let client = Client::new(&server.url()).unwrap();
    let adaptor = Adaptor::from_source("lambda: 'in'");
    let Error::Server(err) = client.call(&adaptor).send().await.unwrap_err() else {
        panic!("a stranger is refused")
    };
    assert_eq!(err.code, "auth-required");

    let known = client.with_auth("me", "s:écret");
    assert_eq!(known.call(&adaptor).send().await.unwrap().text().await.unwrap(), "in");
    let in_url = format!("http://me:s%3A%C3%A9cret@{}", server.address);
    let in_url = Client::new(&in_url).unwrap();
    assert_eq!(in_url.call(&adaptor).send().await.unwrap().text().await.unwrap(), "in");
}

#[test]
fn the_blocking_client_makes_the_same_calls() {
    let server = Server::start(&[]);
    let client = owt_client::blocking::Client::new(&server.url()).unwrap();
    let adaptor =
        Adaptor::from_source("def run(n):\n    for i in range(n):\n        yield f'{i} '");
    let mut reply = client.call(&adaptor).kwargs(&json!({"n": 3})).send().unwrap();
    let mut text = String::new();
    std::io::Read::read_to_string(&mut reply, &mut text).unwrap();
    assert_eq!(text, "0 1 2 ");
    let err = client.call(&adaptor).kwargs(&json!({"n": 1, "m": 2})).send().unwrap_err();
    assert!(matches!(&err, Error::Server(err) if err.code == "arguments"), "{err:?}");
}

#[tokio::test]
async fn a_traceback_names_the_adaptors_file_and_a_form_keeps_its_own_name() {
    let server = Server::start(&[]);
    let client = Client::new(&server.url()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("iris.py");
    let source = "def run(request):\n    raise ValueError(request.form.get('name'))\n";
    std::fs::write(&path, source).unwrap();
    let adaptor = Adaptor::from_file(&path).unwrap();
    let own = Form::new().text("name", "Ada");
    for (call, name) in [(client.call(&adaptor), "None"), (client.call(&adaptor).form(own), "Ada")]
    {
        let err = call.send().await.unwrap_err();
        let Error::Server(err) = err else { panic!("{err:?}") };
        assert!(err.text.starts_with(&format!("ValueError: {name}\n")), "{}", err.text);
        assert!(err.text.contains("File \"iris.py\", line 2, in run"), "{}", err.text);
    }
}
