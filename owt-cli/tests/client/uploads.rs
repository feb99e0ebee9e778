//! What is uploaded arrives whole.

use std::fs;

use futures_util::stream;
use owt_client::{Adaptor, Body, Client, Form};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::real::Server;

const DESCRIBE: &str = r"
import hashlib

def run(request):
    files = {name: [file.filename, file.content_type, hashlib.sha256(file.read()).hexdigest()]
             for name, file in request.files.items()}
    data = request.data
    return {'type': request.content_type, 'data': hashlib.sha256(data).hexdigest() if data else None,
            'lang': request.form.get('lang'), 'files': files}
";

fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// Bytes that repeat in no way that a mistake at the border of chunks would hide.
fn large() -> Vec<u8> {
    (0..3_000_000_u32).flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes()).collect()
}

async fn described(call: owt_client::Call) -> serde_json::Value {
    call.send().await.expect("the call succeeds").json().await.expect("the answer is JSON")
}

#[tokio::test]
async fn a_body_arrives_from_memory_from_disk_and_from_a_stream() {
    let (server, folder, data) = (Server::start(&[]), TempDir::new().unwrap(), large());
    let client = Client::new(&server.url()).unwrap();
    let path = folder.path().join("large.bin");
    fs::write(&path, &data).unwrap();

    let chunks: Vec<_> =
        data.chunks(70_001).map(|part| Ok::<_, std::io::Error>(part.to_vec().into())).collect();
    let bodies = [Body::from(data.clone()), Body::file(path), Body::stream(stream::iter(chunks))];
    for body in bodies {
        let call =
            client.call(Adaptor::from_source(DESCRIBE)).header("Content-Type", "image/x-own");
        let expected = serde_json::json!(
            {"type": "image/x-own", "data": sha256(&data), "lang": null, "files": {}}
        );
        assert_eq!(described(call.body(body)).await, expected);
    }
}

#[tokio::test]
async fn a_form_arrives_with_its_files() {
    let (server, folder, data) = (Server::start(&[]), TempDir::new().unwrap(), large());
    let client = Client::new(&server.url()).unwrap();
    let path = folder.path().join("strand ä\".png");
    fs::write(&path, &data).unwrap();

    let form = Form::new().text("lang", "dé").file("photo", &path).bytes("raw", "x.bin", "raw");
    for _ in 0..2 {
        let call = client.call(Adaptor::from_source(DESCRIBE)).form(form.clone());
        let mut answer = described(call).await;
        assert!(answer["type"].take().as_str().unwrap().starts_with("multipart/form-data; "));
        let expected = serde_json::json!({
            "type": null,
            "data": null,
            "lang": "dé",
            "files": {
                "photo": ["strand ä\".png", "image/png", sha256(&data)],
                "raw": ["x.bin", null, sha256(b"raw")],
            },
        });
        assert_eq!(answer, expected);
    }
}

#[tokio::test]
async fn a_stream_that_fails_breaks_the_call_off() {
    let server = Server::start(&[]);
    let client = Client::new(&server.url()).unwrap();
    let parts = [Ok("half".into()), Err(std::io::Error::other("no more"))];
    let call = client.call(Adaptor::from_source(DESCRIBE)).body(Body::stream(stream::iter(parts)));
    let err = call.send().await.unwrap_err();
    assert!(matches!(err, owt_client::Error::Broken(_)), "{err:?}");
}
