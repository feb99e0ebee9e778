//! How far a call has come, which is asked for beside the call.

use std::io::{self, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;

use owt_client::{Adaptor, Client, Error, Progress};

use crate::server::{Request, Server, answer, read_request};

const EVENTS: &str = "event: progress\ndata: {\"done\":1,\"total\":2,\"text\":\"first\"}\n\n\
                      event: progress\ndata: {\"done\":2,\"total\":2,\"text\":null}\n\n\
                      event: end\ndata: {}\n\n";

fn accept(listener: &TcpListener) -> (TcpStream, Request) {
    let (stream, _) = listener.accept().expect("a client connects");
    let request = read_request(&stream);
    (stream, request)
}

fn events() -> String {
    answer("200 OK\r\nContent-Type: text/event-stream", EVENTS)
}

fn unknown() -> String {
    answer("404 Not Found\r\nOwt-Error: call-unknown", "it does not run yet")
}

/// A server that answers the call once its client was told all, and has first not known of it.
fn server(told: mpsc::Receiver<()>, reply: String) -> Server {
    Server::new(move |listener| {
        let (mut call, first) = accept(&listener);
        let mut requests = vec![first];
        for answer in [unknown(), events()] {
            let (mut stream, request) = accept(&listener);
            stream.write_all(answer.as_bytes()).expect("the client reads");
            requests.push(request);
        }
        told.recv().expect("the client is told of the end");
        call.write_all(reply.as_bytes()).expect("the client waits");
        requests
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_call_is_followed_under_its_id_until_it_is_answered() {
    let (seen, told) = mpsc::channel();
    let server = server(told, answer("200 OK", "hi"));
    let client = Client::new(&format!("{}/a/b?c", server.base)).unwrap().with_token("secret");
    let (progress, all) = mpsc::channel();
    let call = client.call(Adaptor::from_source("1 + 1")).on_progress(move |one| {
        if one.done == one.total.unwrap() {
            seen.send(()).expect("the server waits");
        }
        progress.send(one).expect("the test waits");
    });
    assert_eq!(call.send().await.unwrap().text().await.unwrap(), "hi");
    let expected =
        [Progress::new(1.0, Some(2.0), Some("first")), Progress::new(2.0, Some(2.0), None)];
    assert_eq!(all.iter().map(Some).collect::<Vec<_>>(), expected);
    let requests = server.requests();
    let id = requests[0].header("owt-request-id").unwrap();
    assert_eq!(id.len(), 32);
    for request in &requests[1..] {
        assert_eq!(request.line, format!("GET /_owt/calls/{id}/events HTTP/1.1"));
        assert_eq!(request.header("authorization"), Some("Bearer secret"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_call_that_fails_is_followed_no_longer() {
    let server = Server::new(|listener| {
        let (mut call, first) = accept(&listener);
        let (mut events, second) = accept(&listener);
        let head =
            "HTTP/1.1 200 OK\r\nOwt-Request-Id: 1\r\nContent-Type: text/event-stream\r\n\r\n";
        events.write_all(head.as_bytes()).expect("the client reads");
        let refusal = answer("409 Conflict\r\nOwt-Error: cancelled", "it was cancelled");
        call.write_all(refusal.as_bytes()).expect("the client waits");
        // The client closes the connection.
        let rest = io::copy(&mut events, &mut io::sink());
        assert_eq!(rest.unwrap_or_default(), 0);
        vec![first, second]
    });
    let client = Client::new(&server.base).unwrap();
    let call = client.call(Adaptor::from_source("1 + 1")).header("Owt-Request-Id", "mine");
    let Err(Error::Server(err)) = call.on_progress(|_| ()).send().await else { panic!() };
    assert_eq!(err.code, "cancelled");
    assert_eq!(server.requests()[1].line, "GET /_owt/calls/mine/events HTTP/1.1");
}

#[cfg(feature = "blocking")]
#[test]
fn a_blocking_call_is_followed_as_well() {
    let (seen, told) = mpsc::channel();
    let server = server(told, answer("200 OK", "hi"));
    let client = owt_client::blocking::Client::new(&server.base).unwrap();
    let call = client.call(Adaptor::from_source("1 + 1")).on_progress(move |one| {
        if one.done == 2.0 {
            seen.send(()).expect("the server waits");
        }
    });
    assert_eq!(call.send().unwrap().text().unwrap(), "hi");
}
