//! A server that answers each connection with bytes written by the test, and keeps what it read.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::thread::{self, JoinHandle};

pub(crate) struct Server {
    pub(crate) base: String,
    thread: JoinHandle<Vec<Request>>,
}

/// A request as it came in, header names in small letters.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) line: String,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

impl Server {
    /// Answers one connection after the other with these bytes.
    pub(crate) fn answering(answers: Vec<String>) -> Server {
        Server::new(move |listener| {
            let answer = |answer: String| {
                let (mut stream, _) = listener.accept().expect("a client connects");
                let request = read_request(&stream);
                stream.write_all(answer.as_bytes()).expect("the client reads");
                request
            };
            answers.into_iter().map(answer).collect()
        })
    }

    pub(crate) fn new(serve: impl FnOnce(TcpListener) -> Vec<Request> + Send + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let base = format!("http://{}", listener.local_addr().expect("the socket is bound"));
        Server { base, thread: thread::spawn(move || serve(listener)) }
    }

    /// The requests that came in. Fails the test if the server did.
    pub(crate) fn requests(self) -> Vec<Request> {
        self.thread.join().expect("the server did not panic")
    }
}

pub(crate) fn read_request(stream: impl Read) -> Request {
    let mut reader = BufReader::new(stream);
    let mut lines = reader.by_ref().lines().map(|line| line.expect("the head is text"));
    let line = lines.next().expect("there is a request line");
    let headers: Vec<(String, String)> = lines
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_once(": ").map(|(k, v)| (k.to_lowercase(), v.to_owned())))
        .collect();
    let mut request = Request { line, headers, body: String::new() };
    if request.header("transfer-encoding") == Some("chunked") {
        request.body = read_chunks(reader);
        return request;
    }
    let length = request
        .header("content-length")
        .map_or(0, |length| length.parse().expect("a length is a number"));
    reader.take(length).read_to_string(&mut request.body).expect("the body is text");
    request
}

fn read_chunks(mut reader: impl BufRead) -> String {
    let mut body = String::new();
    loop {
        let mut size = String::new();
        reader.read_line(&mut size).expect("a chunk has a length");
        let size = u64::from_str_radix(size.trim(), 16).expect("a length is a number");
        let mut chunk = String::new();
        reader.by_ref().take(size + 2).read_to_string(&mut chunk).expect("the body is text");
        body.push_str(chunk.strip_suffix("\r\n").expect("a chunk has an end"));
        if size == 0 {
            return body;
        }
    }
}

/// An answer with a body, as owt gives it, after which the connection is closed.
pub(crate) fn answer(head: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {head}\r\nOwt-Request-Id: 1\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{body}"
    )
}
