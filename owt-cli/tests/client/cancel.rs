//! What nobody waits for is interrupted.

use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use futures_util::TryStreamExt;
use owt_client::{Adaptor, Call, Client, Error};
use serde_json::json;

use crate::real::Server;

/// Says on a connection to the test when it runs, and what ends it.
const WATCHED: &str = r"
import socket, time

def run(port, head=None, parts=()):
    watched = watch(port, parts)
    if head is None:
        return b''.join(watched)
    return watched, {'Content-Type': head}

def watch(port, parts):
    with socket.create_connection(('127.0.0.1', port)) as test:
        try:
            test.sendall(b'!')
            yield from parts
            while True:
                time.sleep(0.005)
        except BaseException as err:
            test.sendall(type(err).__name__.encode())
            raise
";

struct Watch {
    server: Server,
    listener: TcpListener,
}

impl Watch {
    fn new() -> Watch {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        Watch { server: Server::start(&[]), listener }
    }

    /// A call that never ends by itself, after it has sent some parts if there is a head.
    fn call(&self, head: Option<&str>, parts: &[&str]) -> Call {
        let client = Client::new(&self.server.url()).expect("the base is an HTTP URL");
        client.call(Adaptor::from_source(WATCHED)).kwargs(&self.kwargs(head, parts))
    }

    fn kwargs(&self, head: Option<&str>, parts: &[&str]) -> serde_json::Value {
        let port = self.listener.local_addr().expect("the socket is bound").port();
        json!({"port": port, "head": head, "parts": parts})
    }

    /// Waits until the adaptor runs.
    fn running(&self) -> TcpStream {
        let (mut stream, _) = self.listener.accept().expect("the adaptor connects");
        let limit = Some(Duration::from_secs(20));
        stream.set_read_timeout(limit).expect("a limit can be set");
        stream.read_exact(&mut [0]).expect("the adaptor says that it runs");
        stream
    }
}

/// The exception that ended the adaptor.
fn ended_by(mut adaptor: TcpStream) -> String {
    let mut name = String::new();
    adaptor.read_to_string(&mut name).expect("the adaptor ends soon");
    name
}

/// A generator is interrupted while it runs, and closed while it does not.
fn assert_closed(adaptor: TcpStream) {
    let name = ended_by(adaptor);
    assert!(["Interrupted", "GeneratorExit"].contains(&&*name), "{name}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_future_that_is_dropped_interrupts_its_call() {
    let watch = Watch::new();
    let call = tokio::spawn(watch.call(None, &[]).send());
    let adaptor = watch.running();
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    assert_eq!(ended_by(adaptor), "Interrupted");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_call_that_outlasts_its_read_timeout_is_interrupted() {
    let watch = Watch::new();
    let limit = Duration::from_millis(300);
    let err = watch.call(None, &[]).read_timeout(limit).send().await.unwrap_err();
    assert!(matches!(err, Error::TimedOut(waited) if waited == limit), "{err:?}");
    assert!(!err.is_safe_to_retry());
    assert_eq!(ended_by(watch.running()), "Interrupted");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_stream_that_is_dropped_closes_its_generator() {
    let watch = Watch::new();
    let reply = watch.call(Some("text/plain"), &["one"]).send().await.unwrap();
    let mut chunks = reply.stream();
    assert_eq!(chunks.try_next().await.unwrap().unwrap(), "one");
    let adaptor = watch.running();
    drop(chunks);
    assert_closed(adaptor);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_stream_that_pauses_for_longer_than_the_read_timeout_is_an_error() {
    let watch = Watch::new();
    let call = watch.call(Some("text/plain"), &["one"]).read_timeout(Duration::from_millis(500));
    let mut reply = call.send().await.unwrap();
    assert_eq!(reply.chunk().await.unwrap().unwrap(), "one");
    let err = reply.chunk().await.unwrap_err();
    assert_eq!(err.to_string(), "nothing came from the server for 500ms");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn events_that_are_dropped_close_their_generator() {
    let watch = Watch::new();
    let reply = watch.call(Some("text/event-stream"), &["id: 1\ndata: ay\n\n"]).send().await;
    let mut events = reply.unwrap().events().unwrap();
    let event = events.try_next().await.unwrap().unwrap();
    assert_eq!((&*event.event, &*event.data, &*event.id), ("message", "ay", "1"));
    let adaptor = watch.running();
    drop(events);
    assert_closed(adaptor);
}

#[test]
fn a_blocking_reply_that_is_dropped_closes_its_generator() {
    let watch = Watch::new();
    let client = owt_client::blocking::Client::new(&watch.server.url()).unwrap();
    let call = client.call(Adaptor::from_source(WATCHED));
    let call = call.kwargs(&watch.kwargs(Some("text/plain"), &["one"]));
    let mut reply = call.send().unwrap();
    assert_eq!(reply.chunk().unwrap().unwrap(), "one");
    let adaptor = watch.running();
    drop(reply);
    assert_closed(adaptor);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_calls_own_timeout_is_kept_by_the_server() {
    let watch = Watch::new();
    let call = watch.call(None, &[]).timeout(Duration::from_millis(100));
    let Error::Server(err) = call.send().await.unwrap_err() else { panic!("it is refused") };
    assert_eq!((err.status.as_u16(), err.code.as_str()), (504, "deadline"));
    assert_eq!(ended_by(watch.running()), "Interrupted");
}
