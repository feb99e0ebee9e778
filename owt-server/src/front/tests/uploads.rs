//! Bodies that arrive while their call runs, and files that are there as long as it does.

use futures_util::stream;
use reqwest::{Body, Client, multipart};

use super::server::{start, start_with};

#[actix_web::test]
async fn a_large_body_reaches_its_call_as_it_comes() {
    let server = start();
    let body = vec![b'x'; 1 << 20];
    let answer = Client::new().post(server.run("echo")).body(body.clone()).send().await.unwrap();
    assert!(answer.bytes().await.unwrap() == body);
}

#[actix_web::test]
async fn a_body_that_turns_out_too_large_is_refused() {
    let server = start_with(|state| state.max_body = 100_000);
    let chunks = stream::iter((0..20).map(|_| Ok::<_, std::io::Error>(vec![b'x'; 10_000])));
    let request = Client::new().post(server.run("echo")).body(Body::wrap_stream(chunks));
    let answer = request.send().await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["owt-error"]),
        (413, &"body-too-large".parse().unwrap())
    );
}

#[actix_web::test]
async fn files_of_a_form_are_there_as_long_as_the_call_and_no_longer() {
    let server = start();
    let files = || std::fs::read_dir(server.uploads.path()).unwrap().count();
    let file = multipart::Part::text("x".repeat(2 << 20)).file_name("large.txt");
    let form = multipart::Form::new().text("code_b64", "aGFuZw").part("file", file);
    let call = Client::new().post(server.url("/")).multipart(form).send();
    let call = actix_web::rt::spawn(call);
    server.recorded.until_open(1).await;
    assert_eq!(files(), 1);
    server.recorded.cancel_all();
    call.await.unwrap().unwrap();
    // It is removed on another thread.
    while files() > 0 {
        tokio::task::yield_now().await;
    }
}

#[actix_web::test]
async fn code_may_come_in_the_query_and_data_in_the_body() {
    let server = start();
    let request =
        Client::new().post(server.run("echo")).header("content-type", "text/csv").body("a,b");
    assert_eq!(request.send().await.unwrap().text().await.unwrap(), "a,b");
}
