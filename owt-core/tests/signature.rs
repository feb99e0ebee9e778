//! Signed URLs are those of the shared vectors, and what is changed in one is refused.

#[allow(dead_code, reason = "the vectors of unsigned URLs are read elsewhere")]
mod vectors;

use std::time::{Duration, SystemTime};

use indexmap::IndexMap;
use owt_core::kwargs::to_kwargs_text;
use owt_core::signature::{is_in, verify};
use owt_core::{Code, Envelope, Error, Field, FieldValue, OwtifyError, UrlKeys};
use proptest::prelude::*;
use rstest::rstest;
use serde::Deserialize;
use vectors::{Json, Source};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    name: String,
    base: String,
    source: Source,
    kwargs: Json,
    #[serde(default)]
    options: IndexMap<String, Json>,
    url_key: String,
    expires: u64,
    url: Option<String>,
    error: Option<String>,
    message: Option<String>,
}

fn vectors() -> Vec<Vector> {
    let text = include_str!("../../tests/vectors/signed_urls.json");
    serde_json::from_str(text).expect("the vectors have the form that their README says")
}

impl Vector {
    fn envelope(&self) -> Envelope {
        let kwargs = to_kwargs_text(&self.kwargs).expect("the arguments of vectors can be sent");
        let mut envelope = Envelope { kwargs, ..Envelope::new(Code::source(&self.source.text())) };
        for (name, json) in &self.options {
            let field = Field::from_name(name).expect("an option is a field of the envelope");
            let value = json.value().expect("an option of these vectors is set");
            envelope.set(field, value).expect("an option has a value that its field takes");
        }
        envelope
    }

    fn keys(&self) -> UrlKeys {
        self.url_key.parse().expect("the keys of vectors can be used")
    }

    fn signed(&self) -> Result<String, OwtifyError> {
        let expires = at(self.expires);
        self.envelope().to_signed_url(&self.base, self.keys().newest(), expires)
    }
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

/// Path and query, as a server has them.
fn target(url: &str) -> (&str, &str) {
    let (_, address) = url.split_once("://").expect("a URL has a scheme");
    let (path, query) = address.split_once('?').expect("a call is in the query");
    (&path[path.find('/').expect("a URL has a path")..], query)
}

fn verdict(keys: &UrlKeys, path: &str, query: &str, now: u64) -> &'static str {
    verify(keys, path, query, at(now)).map_or_else(|err| err.code(), |()| "ok")
}

#[test]
fn an_envelope_gives_the_signed_url_of_every_vector() {
    for vector in vectors() {
        let outcome = vector.signed().map_err(|err| (err.code().to_owned(), err.to_string()));
        let error = vector.error.clone().zip(vector.message.clone());
        assert_eq!(outcome.as_ref().ok(), vector.url.as_ref(), "{}", vector.name);
        assert_eq!(outcome.err(), error, "{}", vector.name);
    }
}

#[test]
fn a_server_takes_every_vector_until_it_expires() {
    for vector in vectors().iter().filter(|vector| vector.url.is_some()) {
        let (keys, url) = (vector.keys(), vector.url.as_deref().unwrap_or_default());
        let (path, query) = target(url);
        assert!(is_in(query));
        let verdicts = [0, 30, 31].map(|late| verdict(&keys, path, query, vector.expires + late));
        assert_eq!(verdicts, ["ok", "ok", "signature-expired"], "{}", vector.name);
    }
}

#[test]
fn every_option_is_in_a_vector() {
    let vectors = vectors();
    for field in Field::ALL.iter().filter(|field| field.is_option()) {
        let is_given = vectors.iter().any(|vector| vector.options.contains_key(field.name()));
        assert!(is_given, "{}", field.name());
    }
}

const KEY: &str = "C7dD5y3UDiqY5Rpi1MbNUqbBgzD0PMHQ4Ax0tH2YZmQ";
const EXPIRES: u64 = 1_800_000_000;

fn keys() -> UrlKeys {
    KEY.parse().expect("it is a key")
}

fn call() -> Envelope {
    let kwargs = Some(r#"{"text":"hello"}"#.to_owned());
    let code = Code::source("def run(text): return text");
    let mut envelope = Envelope { kwargs, ..Envelope::new(code) };
    envelope.set(Field::UseCache, FieldValue::Flag(true)).expect("it is a flag");
    envelope
}

fn signed(envelope: &Envelope) -> String {
    let url = envelope.to_signed_url("http://host/path", keys().newest(), at(EXPIRES));
    url.expect("the URL is short").split_once('?').expect("it has a query").1.to_owned()
}

fn verdict_of(query: &str) -> &'static str {
    verdict(&keys(), "/path", query, EXPIRES)
}

/// The same call in other words: whoever passes a URL on may write it so.
#[rstest]
#[case::by_its_digest(|query: &str| {
    let digest = format!("code_sha256={}", call().code.digest());
    let (_, rest) = query.split_once('&').unwrap();
    format!("{digest}&{rest}")
})]
#[case::in_another_order(|query: &str| {
    let mut pairs: Vec<_> = query.split('&').collect();
    pairs.reverse();
    pairs.join("&")
})]
#[case::escaped(|query: &str| query.replace("_", "%5F").replace("v1.", "v1%2E"))]
#[case::arguments_as_they_stand(|query: &str| query.replace(
    "kwargs_b64=eyJ0ZXh0IjoiaGVsbG8ifQ",
    "kwargs_b64=%7B%22text%22:%22hello%22%7D",
))]
#[case::padded(|query: &str| query.replace("bG8ifQ&", "bG8ifQ==&"))]
#[case::empty_pairs(|query: &str| format!("&&{query}&"))]
fn the_same_call_written_otherwise_is_signed(#[case] rewrite: fn(&str) -> String) {
    let query = rewrite(&signed(&call()));
    assert_ne!(query, signed(&call()));
    assert!(is_in(&query));
    assert_eq!(verdict_of(&query), "ok", "{query}");
}

#[rstest]
#[case::another_field("&x=1")]
#[case::an_empty_field("&=")]
#[case::the_signature_again("&owt_signature=v1.1800000000.00")]
#[case::arguments_again("&kwargs_b64=eyJ0ZXh0IjoiaGVsbG8ifQ")]
#[case::a_name("&name=evil.py")]
#[case::a_field_of_the_handler("&name=evil")]
#[case::another_function("&fn_name=evil")]
#[case::the_same_function("&fn_name=run")]
#[case::another_digest(
    "&code_sha256=0000000000000000000000000000000000000000000000000000000000000000"
)]
#[case::a_timeout("&timeout=1")]
#[case::a_reload("&reload=true")]
#[case::a_pool("&pool=gpu")]
#[case::a_time_to_keep_it("&keep_alive=-1")]
#[case::arguments_as_an_object("&kwargs=%7B%7D")]
fn what_is_added_makes_it_invalid(#[case] field: &str) {
    let query = signed(&call());
    assert_eq!(verdict_of(&format!("{query}{field}")), "signature-invalid");
    assert_eq!(verdict_of(&format!("{}&{query}", &field[1..])), "signature-invalid");
}

#[rstest]
#[case::no_version("1800000000.00")]
#[case::another_version("v2.1800000000.00")]
#[case::nothing("")]
#[case::no_digits("v1.1800000000")]
#[case::a_plus("v1.+1800000000.00")]
#[case::too_large("v1.99999999999999999999.00")]
#[case::not_hexadecimal("v1.1800000000.xx")]
#[case::too_short("v1.1800000000.00")]
fn a_malformed_signature_is_invalid(#[case] text: &str) {
    let query = format!("{}&owt_signature={text}", call().to_query());
    assert_eq!(verdict_of(&query), "signature-invalid");
}

#[test]
fn another_path_or_key_makes_it_invalid() {
    let query = signed(&call());
    for path in ["/", "/path/", "/pat%68", "/Path", ""] {
        assert_eq!(verdict(&keys(), path, &query, EXPIRES), "signature-invalid", "{path}");
    }
    let others: UrlKeys = "A".repeat(43).parse().unwrap();
    assert_eq!(verdict(&others, "/path", &query, EXPIRES), "signature-invalid");
}

#[test]
fn a_key_that_is_rotated_out_signs_no_more() {
    let query = signed(&call());
    let newer = "A".repeat(43);
    let both: UrlKeys = format!("{newer}\n{KEY}").parse().unwrap();
    assert_eq!(verdict(&both, "/path", &query, EXPIRES), "ok");
    assert_eq!(verdict(&newer.parse().unwrap(), "/path", &query, EXPIRES), "signature-invalid");
}

/// What a query asks for, as far as a server runs it.
fn meaning(query: &str) -> Result<Option<(String, Envelope)>, Error> {
    let envelope = Envelope::from_query(query)?;
    Ok(envelope.map(|found| {
        (
            found.code.digest().to_string(),
            Envelope { code: Code::Known(found.code.digest()), ..found },
        )
    }))
}

fn envelopes() -> impl Strategy<Value = Envelope> {
    let text = "[ -~é\u{0}\n]{0,12}";
    (
        text,
        proptest::option::of(text),
        "[a-z:,0-9]{1,6}",
        any::<(bool, bool)>(),
        proptest::option::of(text),
        0..5_u64,
    )
        .prop_map(
            |(source, kwargs, fn_name, (use_cache, reload), cache_key_override, timeout)| {
                Envelope {
                    kwargs,
                    fn_name,
                    use_cache,
                    reload,
                    cache_key_override,
                    timeout: (timeout > 0).then(|| Duration::from_millis(timeout * 250)),
                    ..Envelope::new(Code::source(&source))
                }
            },
        )
}

/// One change of a query.
#[derive(Debug, Clone)]
enum Change {
    Byte(proptest::sample::Index, u8),
    Insert(proptest::sample::Index, u8),
    Cut(proptest::sample::Index),
    Drop(proptest::sample::Index),
    Repeat(proptest::sample::Index),
    Swap(proptest::sample::Index, proptest::sample::Index),
}

fn changes() -> impl Strategy<Value = Change> {
    use proptest::sample::Index;
    prop_oneof![
        (any::<Index>(), b' '..=b'~').prop_map(|(at, byte)| Change::Byte(at, byte)),
        (any::<Index>(), b' '..=b'~').prop_map(|(at, byte)| Change::Insert(at, byte)),
        any::<Index>().prop_map(Change::Cut),
        any::<Index>().prop_map(Change::Drop),
        any::<Index>().prop_map(Change::Repeat),
        (any::<Index>(), any::<Index>()).prop_map(|(one, other)| Change::Swap(one, other)),
    ]
}

fn changed(query: &str, change: &Change) -> String {
    let mut bytes = query.as_bytes().to_vec();
    let mut pairs: Vec<_> = query.split('&').collect();
    match change {
        Change::Byte(at, byte) => bytes[at.index(query.len())] = *byte,
        Change::Insert(at, byte) => bytes.insert(at.index(query.len()), *byte),
        Change::Cut(at) => drop(bytes.remove(at.index(query.len()))),
        Change::Drop(at) => drop(pairs.remove(at.index(pairs.len()))),
        Change::Repeat(at) => pairs.push(pairs[at.index(pairs.len())]),
        Change::Swap(one, other) => {
            let len = pairs.len();
            pairs.swap(one.index(len), other.index(len));
        }
    }
    match change {
        Change::Byte(..) | Change::Insert(..) | Change::Cut(_) => {
            String::from_utf8(bytes).expect("all of it is ASCII")
        }
        _ => pairs.join("&"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn what_is_signed_is_taken(envelope in envelopes()) {
        prop_assert_eq!(verdict_of(&signed(&envelope)), "ok");
    }

    #[test]
    fn a_changed_url_is_the_same_call_or_invalid(
        envelope in envelopes(),
        changes in proptest::collection::vec(changes(), 1..4),
    ) {
        let original = signed(&envelope);
        let query = changes.iter().fold(original.clone(), |query, change| changed(&query, change));
        if verdict_of(&query) == "ok" {
            prop_assert_eq!(meaning(&query).unwrap(), meaning(&original).unwrap());
        }
    }

    #[test]
    fn any_query_is_verified_without_a_panic(query: String, path: String) {
        let _ = is_in(&query);
        prop_assert_eq!(verdict(&keys(), &path, &query, 0), "signature-invalid");
    }
}
