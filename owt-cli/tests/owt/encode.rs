//! `owt encode`: every form of argument, and every form of output.

use std::fs;

use rstest::rstest;
use tempfile::TempDir;

use crate::program::{Outcome, outcome, owt};

const CODE: &str = "code_b64=MSArIDE";

/// Encodes `1 + 1` from standard input, with these arguments.
fn encoded(args: &[&str]) -> Outcome {
    outcome(owt(&["encode", "-"]).args(args).write_stdin("1 + 1"))
}

/// The arguments' text in a query.
fn kwargs(outcome: &Outcome) -> String {
    let (_, base64) = outcome.stdout.trim().split_once("kwargs_b64=").expect("arguments are there");
    let bytes = owt_core::codec::decode(base64).expect("arguments are base64");
    String::from_utf8(bytes).expect("arguments are text")
}

#[rstest]
#[case::angle_brackets(&["<'prompt':'x'>"], r#"{"prompt":"x"}"#)]
#[case::python(&["{'prompt':'x'}"], r#"{"prompt":"x"}"#)]
#[case::json(&[r#"{"prompt":"x"}"#], r#"{"prompt":"x"}"#)]
#[case::colon(&["prompt:x"], r#"{"prompt":"x"}"#)]
#[case::equals_sign(&["prompt=x y"], r#"{"prompt":"x y"}"#)]
#[case::number(&["n:3"], r#"{"n":3}"#)]
#[case::negative_number(&["n:-3"], r#"{"n":-3}"#)]
#[case::list(&["flags:[1,2]"], r#"{"flags":[1,2]}"#)]
#[case::python_words(&["flags:[True, None]"], r#"{"flags":[true,null]}"#)]
#[case::several(&["a:1", "b:x", "a:2"], r#"{"b":"x","a":2}"#)]
#[case::merged(&["{'a': 1, 'b': 2}", "b:3", "<'c': 4>"], r#"{"a":1,"b":3,"c":4}"#)]
#[case::tuple(&["size:(3, 4)", "deep:true"], r#"{"size": (3, 4), "deep": True}"#)]
#[case::tuple_in_a_dict(&["{'size': (3, 4)}", "n:1"], r#"{"size": (3, 4), "n": 1}"#)]
#[case::expression(&["{'cwd': os.getcwd()}"], "{'cwd': os.getcwd()}")]
#[case::expression_merged(
    &["n:1", "<'cwd': os.getcwd()>", "n:2"],
    r#"{**({'cwd': os.getcwd()}), "n": 2}"#
)]
fn arguments_are_understood(#[case] args: &[&str], #[case] text: &str) {
    assert_eq!(kwargs(&encoded(&[args, &["--format", "query"]].concat())), text);
}

#[test]
fn an_argument_is_read_from_a_file() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("story.txt");
    fs::write(&path, "[1,\n2]\n").unwrap();
    let arg = format!("text:@{}", path.display());
    assert_eq!(kwargs(&encoded(&[&arg])), r#"{"text":"[1,\n2]\n"}"#);
}

#[test]
fn an_argument_is_read_from_standard_input() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("adaptor.py");
    fs::write(&path, "1 + 1").unwrap();
    let mut command = owt(&["encode", path.to_str().unwrap(), "text:@-"]);
    let url = "http://127.0.0.1:9876/?code_b64=MSArIDE&kwargs_b64=eyJ0ZXh0IjoiaGVsbG8ifQ&name=adaptor.py\n";
    assert_eq!(outcome(command.write_stdin("hello")), Outcome::data(url.to_owned()));
}

#[test]
fn no_arguments_leave_no_field() {
    let url = format!("http://127.0.0.1:9876/?{CODE}\n");
    assert_eq!(encoded(&[]), Outcome::data(url.clone()));
    assert_eq!(encoded(&["{}"]), Outcome::data(url));
}

#[rstest]
#[case::url("url", "http://127.0.0.1:9876/?code_b64=MSArIDE&kwargs_b64=eyJxIjoiaXQncyJ9")]
#[case::query("query", "code_b64=MSArIDE&kwargs_b64=eyJxIjoiaXQncyJ9")]
#[case::json("json", r#"{"code_b64":"MSArIDE=","kwargs_b64":"eyJxIjoiaXQncyJ9"}"#)]
#[case::curl(
    "curl",
    r#"curl 'http://127.0.0.1:9876/' --header 'Content-Type: application/json' --data '{"code_b64":"MSArIDE=","kwargs_b64":"eyJxIjoiaXQncyJ9"}'"#
)]
#[case::fetch(
    "fetch",
    r#"fetch("http://127.0.0.1:9876/", {"body":"{\"code_b64\":\"MSArIDE=\",\"kwargs_b64\":\"eyJxIjoiaXQncyJ9\"}","headers":{"Content-Type":"application/json"},"method":"POST"})"#
)]
fn every_format_is_printed(#[case] format: &str, #[case] text: &str) {
    let data = Outcome::data(format!("{text}\n"));
    assert_eq!(encoded(&["q:it's", "--format", format]), data);
}

#[test]
fn the_curl_command_survives_the_shell() {
    let printed = encoded(&["--use-cache", "--cache-key", "it's $HOME `x` \\", "--format", "curl"]);
    let script = printed.stdout.replacen("curl", "printf '%s|'", 1);
    let words = outcome(assert_cmd::Command::new("sh").arg("-c").arg(script));
    let json =
        r#"{"code_b64":"MSArIDE=","use_cache":true,"cache_key_override":"it's $HOME `x` \\"}"#;
    let expected =
        format!("http://127.0.0.1:9876/|--header|Content-Type: application/json|--data|{json}|");
    assert_eq!(words, Outcome::data(expected));
}

#[test]
fn every_field_is_an_option() {
    let options = [
        "--fn-name",
        "main",
        "--use-cache",
        "--cache-kwargs",
        "--cache-key",
        "k",
        "--timeout",
        "2.5",
        "--reload",
        "--format",
        "query",
    ];
    let query = "&fn_name=main&use_cache=true&cache_kwargs=true&cache_key_override=k&timeout=2.5\
                 &reload=true";
    assert_eq!(encoded(&options), Outcome::data(format!("{CODE}{query}\n")));
}

#[test]
fn the_digest_stands_for_the_code() {
    let digest = owt_core::Digest::of("1 + 1");
    let query = format!("code_sha256={digest}\n");
    assert_eq!(encoded(&["--digest", "--format", "query"]), Outcome::data(query));
}

#[test]
fn the_base_is_an_option_and_a_setting() {
    let url = format!("https://me@host/path?mine=1&{CODE}\n");
    let base = "https://me@host/path?mine=1#top";
    assert_eq!(encoded(&["--url", base]), Outcome::data(url.clone()));
    let mut command = owt(&["encode", "-"]);
    assert_eq!(outcome(command.env("OWT_URL", base).write_stdin("1 + 1")), Outcome::data(url));
}

#[rstest]
#[case::word(
    &["hello"],
    2,
    "\"hello\" is neither name:value nor a dict",
    "give arguments as name:value, name=value or {'name': 'value'}"
)]
#[case::name(
    &["a-b:1"],
    2,
    "\"a-b\" cannot be the name of an argument",
    "give a key that is no Python name in a dict: {'a-key': 'value'}"
)]
#[case::open_dict(
    &["{'a':"],
    2,
    "\"{'a':\" begins like a dict but does not end like one",
    "close it, and quote the whole for the shell: \"{'n': 3}\""
)]
#[case::file(
    &["who:@nobody"],
    4,
    "cannot read \"nobody\" for the argument who: No such file or directory (os error 2)",
    "double the @ to send text that begins with one: name:@@text"
)]
#[case::standard_input_twice(
    &["text:@-"],
    4,
    "cannot read \"-\" for the argument text: standard input can be read only once",
    "double the @ to send text that begins with one: name:@@text"
)]
#[case::base(
    &["--url", "ftp://host"],
    2,
    "the base URL is neither http nor https: \"ftp://host\"",
    "give it with --url or OWT_URL, as http://127.0.0.1:9876"
)]
fn what_cannot_be_encoded_is_explained(
    #[case] args: &[&str],
    #[case] code: i32,
    #[case] error: &str,
    #[case] hint: &str,
) {
    let words = format!("owt: error: {error}\n\nhint: {hint}\n");
    assert_eq!(encoded(args), Outcome::failure(code, words));
}

#[test]
fn a_missing_adaptor_is_explained() {
    let words = "owt: error: cannot read \"nothing.py\": No such file or directory (os error 2)\n";
    assert_eq!(outcome(&mut owt(&["encode", "nothing.py"])), Outcome::failure(4, words));
}

#[test]
fn an_adaptor_that_is_no_text_is_explained() {
    let words = "owt: error: cannot read \"-\": it is not UTF-8\n";
    let mut command = owt(&["encode", "-"]);
    assert_eq!(outcome(command.write_stdin(b"\xff".as_slice())), Outcome::failure(4, words));
}

#[test]
fn a_url_that_no_server_takes_is_refused_and_a_command_is_not() {
    let long = format!("1 + 1 # {}", "x".repeat(64_000));
    let mut command = owt(&["encode", "-"]);
    let words = "owt: error: the URL is longer than the 64000 bytes that a server takes; send the \
                 call with POST instead\n\nhint: print a command that posts it: --format curl\n";
    assert_eq!(outcome(command.write_stdin(long.clone())), Outcome::failure(2, words));

    let mut command = owt(&["encode", "-", "--format", "curl"]);
    let printed = outcome(command.write_stdin(long));
    assert_eq!((printed.code, printed.stderr.as_str()), (Some(0), ""));
    assert!(printed.stdout.len() > 64_000);
}
