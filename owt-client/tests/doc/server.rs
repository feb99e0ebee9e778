// A server for the examples in the documentation, which gives one answer to every request as owt
// does. It is included in them as a module, hence these slashes: a `//!` could not be included.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};

/// An adaptor's answer of a media type.
#[allow(dead_code, reason = "an example needs one of these functions")]
pub fn answering(content_type: &str, body: &str) -> String {
    serve(format!("200 OK\r\nContent-Type: {content_type}"), body.to_owned())
}

/// An answer of owt itself.
#[allow(dead_code, reason = "an example needs one of these functions")]
pub fn refusing(status: &str, code: &str, text: &str) -> String {
    serve(format!("{status}\r\nOwt-Error: {code}"), text.to_owned())
}

fn serve(head: String, body: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let base = format!("http://{}", listener.local_addr().expect("the socket is bound"));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a client connects");
            read_request(&stream);
            let answer = format!(
                "HTTP/1.1 {head}\r\nOwt-Request-Id: 1\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(answer.as_bytes()).expect("the client reads");
        }
    });
    base
}

fn read_request(stream: &TcpStream) {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    let mut length = 0;
    while reader.read_line(&mut line).expect("the head is text") > 2 {
        if let Some(digits) = line.to_lowercase().strip_prefix("content-length:") {
            length = digits.trim().parse().expect("a length is a number");
        }
        line.clear();
    }
    // A body of unknown length comes in chunks, which examples have no need of.
    std::io::copy(&mut reader.take(length), &mut std::io::sink()).expect("the body is whole");
}
