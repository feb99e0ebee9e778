//! `owt call`: what is sent, what is printed, and how it ends.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::mpsc;

use rstest::rstest;
use tempfile::TempDir;

use crate::program::{Outcome, outcome, owt};
use crate::server::{Request, Server, answer, read_request};

/// Calls `1 + 1` on a server that gives this answer.
fn called(args: &[&str], answer: String) -> (Outcome, Request) {
    let server = Server::answering(vec![answer]);
    let mut command = owt(&["call", "-", "--url", &format!("{}/path", server.base)]);
    let outcome = outcome(command.args(args).write_stdin("1 + 1"));
    (outcome, server.requests().remove(0))
}

#[test]
fn the_answer_is_printed_as_it_is() {
    let (outcome, request) = called(&["n:3"], answer("200 OK", "no line break"));
    assert_eq!(outcome, Outcome::data("no line break"));
    assert_eq!(request.line, "POST /path HTTP/1.1");
    assert_eq!(request.body, r#"{"code_b64":"MSArIDE=","kwargs_b64":"eyJuIjozfQ=="}"#);
}

#[test]
fn the_request_is_what_options_make_it() {
    let args = ["--data", "hi", "-H", "X-Mine: 1", "-X", "PUT", "--auth", "me:pw", "--reload"];
    let (outcome, request) = called(&args, answer("200 OK", ""));
    assert_eq!(outcome, Outcome::data(""));
    assert_eq!(request.line, "PUT /path?code_b64=MSArIDE&reload=true HTTP/1.1");
    assert_eq!(request.header("x-mine"), Some("1"));
    assert_eq!(request.header("authorization"), Some("Basic bWU6cHc="));
    assert_eq!(request.body, "hi");
}

#[test]
fn files_are_sent_and_written() {
    let folder = TempDir::new().unwrap();
    let path = |name| folder.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("in"), "data").unwrap();
    let data = format!("@{}", path("in"));
    let args = ["--data", &data, "--output", &path("out")];
    let (outcome, request) = called(&args, answer("200 OK", "answer"));
    assert_eq!(outcome, Outcome::data(""));
    assert_eq!(request.body, "data");
    assert_eq!(fs::read_to_string(path("out")).unwrap(), "answer");
}

#[test]
fn a_file_that_cannot_be_written_is_explained() {
    let (outcome, _) = called(&["--output", "/nowhere/out"], answer("200 OK", "answer"));
    let words = "owt: error: cannot write /nowhere/out: No such file or directory (os error 2)\n";
    assert_eq!(outcome, Outcome::failure(4, words));
}

#[test]
fn an_adaptors_error_is_printed_and_counts() {
    let (outcome, _) = called(&[], answer("404 Not Found", "no such thing"));
    let expected = Outcome {
        code: Some(1),
        stdout: "no such thing".to_owned(),
        stderr: "owt: error: the adaptor answered 404 Not Found\n".to_owned(),
    };
    assert_eq!(outcome, expected);
}

#[rstest]
#[case::code("422 Unprocessable Content", "code-invalid", "SyntaxError: line 3\n", "")]
#[case::authentication(
    "401 Unauthorized",
    "auth-required",
    "Who are you?",
    "\nhint: say who you are with OWT_CLIENT_AUTH=USER:PASSWORD or OWT_CLIENT_TOKEN=TOKEN\n"
)]
#[case::digest(
    "404 Not Found",
    "code-unknown",
    "Never seen",
    "\nhint: leave out --digest to send the code itself\n"
)]
fn an_error_of_owt_is_told_from_the_adaptors(
    #[case] status: &str,
    #[case] code: &str,
    #[case] text: &str,
    #[case] hint: &str,
) {
    let (outcome, _) = called(&[], answer(&format!("{status}\r\nOwt-Error: {code}"), text));
    let words = format!("owt: error: {code}: {}\n{hint}", text.trim());
    assert_eq!(outcome, Outcome::failure(1, words));
}

#[rstest]
#[case(
    "422 Unprocessable Content",
    "entry-missing",
    "The code has no function 'run': write one, or name another function in fn_name.",
    "The code has no function 'run': write one, or name another function with --fn-name."
)]
#[case(
    "504 Gateway Timeout",
    "deadline",
    "Ask for more with the field timeout, or start the server with a larger --timeout.",
    "Ask for more with --timeout, or start the server with a larger --timeout."
)]
fn a_field_to_set_is_named_as_the_option_for_it(
    #[case] status: &str,
    #[case] code: &str,
    #[case] text: &str,
    #[case] shown: &str,
) {
    let (outcome, _) = called(&[], answer(&format!("{status}\r\nOwt-Error: {code}"), text));
    assert_eq!(outcome, Outcome::failure(1, format!("owt: error: {code}: {shown}\n")));
}

#[test]
fn a_server_that_is_not_there_is_explained() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let base = format!("http://127.0.0.1:{port}");
    let mut command = owt(&["call", "-", "--url", &base]);
    let outcome = outcome(command.write_stdin("1 + 1"));
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(3), ""));
    let (error, hint) = outcome.stderr.split_once("\n\n").unwrap();
    assert!(error.starts_with("owt: error: cannot reach the server: "), "{error}");
    let expected = "hint: start it with: owt serve, or name another with --url (now ";
    assert_eq!(hint, format!("{expected}{base})\n"));
}

#[test]
fn an_answer_that_is_not_http_may_be_https() {
    // An alert of TLS: the call was no handshake.
    let (outcome, _) = called(&[], "\x15\x03\x03\x00\x02\x02\x32".to_owned());
    let words = "owt: error: the answer cannot be read as HTTP; a server that speaks HTTPS is called \
                 by https\n\nhint: if it was started with --tls-cert, call it with --url https://…\n";
    assert_eq!(outcome, Outcome::failure(3, words));
}

#[test]
fn a_server_that_closes_while_it_is_sent_a_long_body_may_speak_https() {
    let server = Server::new(|listener| {
        let (stream, _) = listener.accept().expect("a client connects");
        // To close before all is read is to reset the connection.
        stream.peek(&mut [0]).expect("the client sends");
        vec![]
    });
    let mut command = owt(&["call", "/dev/null", "--data", "@-", "--url", &server.base]);
    let outcome = outcome(command.write_stdin(vec![b'x'; 8_000_000]));
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(3), ""));
    assert!(outcome.stderr.starts_with("owt: error: the answer broke off: "), "{outcome:?}");
    let hint = "\n\nhint: if it was started with --tls-cert, call it with --url https://…\n";
    assert!(outcome.stderr.ends_with(hint), "{outcome:?}");
    server.requests();
}

#[test]
fn an_answer_that_breaks_off_is_a_failure() {
    let cut = "HTTP/1.1 200 OK\r\nOwt-Request-Id: 1\r\nContent-Length: 9\r\n\r\nhi".to_owned();
    let (outcome, _) = called(&[], cut);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(3), "hi"));
    // What came before has left its line open.
    let words = "\nowt: error: the answer broke off\n\n\
                 hint: the server's log says why, in the lines of request 1\n";
    assert_eq!(outcome.stderr, words);
}

/// A server that sends `one`, waits for a word, and then tries to send very much.
fn slow_server() -> (Server, mpsc::Sender<()>) {
    let (go_on, wait) = mpsc::channel();
    let server = Server::new(move |listener| {
        let (mut stream, _) = listener.accept().expect("a client connects");
        let request = read_request(&stream);
        let head = b"HTTP/1.1 200 OK\r\nOwt-Request-Id: 1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n";
        stream.write_all(head).expect("the client reads");
        wait.recv().expect("the test says when to go on");
        let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
        // The client goes away at some point, which is what is tested.
        let _ = (0..100).try_for_each(|_| stream.write_all(chunk.as_bytes()));
        let _ = stream.write_all(b"0\r\n\r\n");
        vec![request]
    });
    (server, go_on)
}

#[test]
fn chunks_are_printed_as_they_come_and_a_closed_pipe_is_no_error() {
    let (server, go_on) = slow_server();
    let mut child = Command::new(env!("CARGO_BIN_EXE_owt"))
        .args(["call", "/dev/null", "--url", &server.base])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let mut first = [0; 3];
    stdout.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"one");

    drop(stdout);
    go_on.send(()).unwrap();
    assert_eq!(Outcome::from(child.wait_with_output().unwrap()), Outcome::data(""));
    server.requests();
}

#[test]
fn a_form_is_sent_with_its_files() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("note.txt");
    fs::write(&path, "ay up").unwrap();
    let file = format!("note=@{}", path.display());
    let (outcome, request) =
        called(&["--form", &file, "-F", "lang=en", "-F", "at=@@me"], answer("200 OK", ""));
    assert_eq!(outcome, Outcome::data(""));
    assert_eq!(request.line, "POST /path HTTP/1.1");
    let (mime, boundary) =
        request.header("content-type").unwrap().split_once("; boundary=").unwrap();
    assert_eq!(mime, "multipart/form-data");
    let part = |head: &str, body: &str| {
        format!("--{boundary}\r\nContent-Disposition: form-data; name={head}\r\n\r\n{body}\r\n")
    };
    let expected = [
        part("\"code_b64\"", "MSArIDE="),
        part("\"note\"; filename=\"note.txt\"\r\nContent-Type: text/plain", "ay up"),
        part("\"lang\"", "en"),
        part("\"at\"", "@me"),
        format!("--{boundary}--\r\n"),
    ];
    assert_eq!(request.body, expected.concat());
}

#[rstest]
#[case::body(&["--data", "@nowhere"])]
#[case::form(&["--form", "note=@nowhere"])]
fn a_file_that_is_not_there_is_explained(#[case] args: &[&str]) {
    let mut command = owt(&["call", "/dev/null", "--url", "http://127.0.0.1:1"]);
    let words = "owt: error: cannot read \"nowhere\": No such file or directory (os error 2)\n";
    assert_eq!(outcome(command.args(args)), Outcome::failure(4, words));
}

#[test]
fn a_pipe_is_sent_to_its_end() {
    let server = Server::answering(vec![answer("200 OK", "")]);
    let script = r#"printf 'no length' | "$0" call /dev/null --data @/dev/fd/0 --url "$1""#;
    let mut shell = assert_cmd::Command::new("sh");
    let shell = shell.args(["-c", script, env!("CARGO_BIN_EXE_owt"), &server.base]);
    assert_eq!(outcome(shell), Outcome::data(""));
    assert_eq!(server.requests().remove(0).body, "no length");
}

#[test]
fn code_that_is_too_long_beside_a_body_is_explained() {
    let long = "#".repeat(64_000);
    let mut command = owt(&["call", "-", "--data", "hi"]);
    let words = "owt: error: code and arguments are too long for a URL; send the body as a form, \
                 or call the adaptor by POST without a body first\n\nhint: send the body as a file \
                 of a form: --form name=@FILE\n";
    assert_eq!(outcome(command.write_stdin(long)), Outcome::failure(2, words));
}
