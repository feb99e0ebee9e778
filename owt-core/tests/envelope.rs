//! What an envelope means, however it is sent.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use owt_core::codec::{encode_standard, encode_url};
use owt_core::{
    CachePolicy, Call, Code, Digest, Envelope, Error, Field, FieldKind, FieldValue, FileName,
    Headers, NearMiss, Request,
};
use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};

const SOURCE: &str = "def run(_):\n    return 'é>>>?'\n";

fn plain() -> Envelope {
    Envelope::new(Code::source(SOURCE))
}

fn near(pairs: &[(&str, &'static str)]) -> Vec<NearMiss> {
    let near = |&(given, meant): &(&str, _)| NearMiss { given: given.to_owned(), meant };
    pairs.iter().map(near).collect()
}

/// The envelope of a body that has code and these fields.
fn with_fields(fields: &Value) -> Result<Option<Envelope>, Error> {
    let mut body = json!({ "code_b64": encode_standard(SOURCE.as_bytes()) });
    let object = body.as_object_mut().expect("the body is an object");
    object.extend(fields.as_object().expect("fields are an object").clone());
    Envelope::from_json(body.to_string().as_bytes())
}

fn sentence(result: Result<Option<Envelope>, Error>) -> (&'static str, String) {
    let err = result.expect_err("the envelope is refused");
    (err.code(), err.sentence())
}

#[rstest]
#[case::fn_name(json!({"fn_name": "main"}), Envelope { fn_name: "main".into(), ..plain() })]
#[case::kwargs(
    json!({"kwargs_b64": encode_url(b"{'n': 3}")}),
    Envelope { kwargs: Some("{'n': 3}".into()), ..plain() }
)]
#[case::kwargs_as_they_stand(
    json!({"kwargs_b64": " {'n': 3}\n"}),
    Envelope { kwargs: Some(" {'n': 3}\n".into()), ..plain() }
)]
#[case::kwargs_in_angle_brackets(
    json!({"kwargs_b64": "<'n':3>"}),
    Envelope { kwargs: Some("<'n':3>".into()), ..plain() }
)]
#[case::kwargs_of_white_space(json!({"kwargs_b64": "Cg=="}), plain())]
#[case::kwargs_empty(json!({"kwargs_b64": ""}), plain())]
#[case::flag(json!({"use_cache": true}), Envelope { use_cache: true, ..plain() })]
#[case::flag_as_text(json!({"cache_kwargs": "True"}), Envelope { cache_kwargs: true, ..plain() })]
#[case::flag_as_yes(json!({"reload": " YES "}), Envelope { reload: true, ..plain() })]
#[case::flag_as_digit(json!({"reload": "1"}), Envelope { reload: true, ..plain() })]
#[case::flag_on(json!({"reload": "on"}), Envelope { reload: true, ..plain() })]
#[case::flags_off(json!({"reload": "0", "use_cache": "No", "cache_kwargs": "off"}), plain())]
#[case::key(
    json!({"cache_key_override": "k"}),
    Envelope { cache_key_override: Some("k".into()), ..plain() }
)]
#[case::whole_seconds(
    json!({"timeout": 3}),
    Envelope { timeout: Some(Duration::from_secs(3)), ..plain() }
)]
#[case::seconds(
    json!({"timeout": 2.5}),
    Envelope { timeout: Some(Duration::from_millis(2500)), ..plain() }
)]
#[case::seconds_as_text(
    json!({"timeout": " 1e1 "}),
    Envelope { timeout: Some(Duration::from_secs(10)), ..plain() }
)]
#[case::null_is_absent(
    json!({"timeout": null, "fn_name": null, "reload": null, "kwargs_b64": null}),
    plain()
)]
#[case::digest_that_agrees(
    json!({"code_sha256": Digest::of(SOURCE).to_string().to_uppercase()}),
    plain()
)]
#[case::unknown_fields(json!({"own": {"code_b64": [1, {}]}, "mode": "x"}), plain())]
#[case::name(
    json!({"name": "models/iris.py"}),
    Envelope { name: FileName::new("iris.py"), ..plain() }
)]
#[case::name_of_the_handler(json!({"name": "Ada"}), plain())]
#[case::names_of_the_handler(json!({"name": {"first": "Ada"}}), plain())]
#[case::kwargs_object(
    json!({"kwargs_b64": {"n": [3]}}),
    Envelope { kwargs: Some(r#"{"n":[3]}"#.into()), ..plain() }
)]
#[case::kwargs_object_under_its_bare_name(
    json!({"kwargs": {"n": [3]}}),
    Envelope { kwargs: Some(r#"{"n":[3]}"#.into()), ..plain() }
)]
#[case::kwargs_null(json!({"kwargs": {}, "kwargs_b64": null}), Envelope { kwargs: Some("{}".into()), ..plain() })]
#[case::near_misses(
    json!({"kwargs": "{'n': 3}", "fnname": {"x": "walk"}}),
    Envelope { near_misses: near(&[("fnname", "fn_name"), ("kwargs", "kwargs_b64")]), ..plain() }
)]
#[case::both_kwargs(
    json!({"kwargs": {"n": 1}, "kwargs_b64": {"n": 2}}),
    Envelope {
        kwargs: Some(r#"{"n":2}"#.into()),
        near_misses: near(&[("kwargs", "kwargs_b64")]),
        ..plain()
    }
)]
fn a_field_is_read(#[case] fields: Value, #[case] envelope: Envelope) {
    assert_eq!(with_fields(&fields).unwrap(), Some(envelope));
}

#[rstest]
#[case::fn_name_empty(json!({"fn_name": ""}), "fn_name takes a function's name")]
#[case::fn_name_number(json!({"fn_name": 3}), "fn_name takes text")]
#[case::code_number(json!({"code_b64": 3}), "code_b64 takes text")]
#[case::kwargs_list(json!({"kwargs_b64": [{"n": 3}]}), "kwargs_b64 takes text or an object")]
#[case::kwargs_number(json!({"kwargs_b64": 3}), "kwargs_b64 takes text or an object")]
#[case::key_list(json!({"cache_key_override": ["k"]}), "cache_key_override takes text")]
#[case::flag_word(json!({"use_cache": "maybe"}), "use_cache takes true or false")]
#[case::flag_number(json!({"reload": 2}), "reload takes true or false")]
#[case::flag_list(json!({"cache_kwargs": []}), "cache_kwargs takes true or false")]
#[case::no_time(json!({"timeout": 0}), "timeout takes a positive number of seconds")]
#[case::less_than_no_time(json!({"timeout": -1}), "timeout takes a positive number of seconds")]
#[case::for_ever(json!({"timeout": "inf"}), "timeout takes a positive number of seconds")]
#[case::not_a_number(json!({"timeout": "nan"}), "timeout takes a positive number of seconds")]
#[case::too_long(json!({"timeout": 1e300}), "timeout takes a positive number of seconds")]
#[case::too_short(json!({"timeout": 1e-300}), "timeout takes a positive number of seconds")]
#[case::word(json!({"timeout": "soon"}), "timeout takes a positive number of seconds")]
#[case::flag(json!({"timeout": true}), "timeout takes a positive number of seconds")]
#[case::digest_short(json!({"code_sha256": "abc"}), "code_sha256 takes 64 hexadecimal digits")]
#[case::digest_of_other_code(
    json!({"code_sha256": Digest::of("").to_string()}),
    "code_sha256 is not the digest of code_b64"
)]
fn a_field_that_cannot_be_is_refused(#[case] fields: Value, #[case] words: &str) {
    let expected = ("field-invalid", format!("The field {words}"));
    assert_eq!(sentence(with_fields(&fields)), expected);
}

#[rstest]
#[case::json(Envelope::from_json(br#"{"code": "1", "kwargs": {}}"#), "code", "code_b64")]
#[case::arguments_alone(Envelope::from_json(br#"{"kwargs": {"n": 1}}"#), "kwargs", "kwargs_b64")]
#[case::query(Envelope::from_query("q=1&code-b64=MQ"), "code-b64", "code_b64")]
#[case::capital(Envelope::from_query("Code_b64=MQ&code=MQ"), "Code_b64", "code_b64")]
fn without_code_a_near_miss_is_refused(
    #[case] outcome: Result<Option<Envelope>, Error>,
    #[case] given: &str,
    #[case] meant: &str,
) {
    let words =
        format!("The request brings no code, and owt has no field {given}. Did you mean {meant}?");
    assert_eq!(sentence(outcome), ("field-unknown", words));
}

#[rstest]
#[case("name=Ada&name=iris.py")]
#[case("name=iris.py&name=Ada&name=other.py")]
fn a_handler_may_have_a_name_of_its_own_beside_that_of_the_file(#[case] names: &str) {
    let envelope = Envelope::from_query(&format!("code_b64=MQ&{names}")).unwrap().unwrap();
    assert_eq!(envelope.name, FileName::new("iris.py"));
}

#[test]
fn no_more_fields_are_compared_than_a_person_writes() {
    let others: String = (0..100).map(|number| format!("&x{number}=")).collect();
    let last = Envelope::from_query(&format!("code_b64=MQ{others}&fnname=walk")).unwrap();
    assert_eq!(last.map(|envelope| envelope.near_misses), Some(Vec::new()));
}

#[rstest]
#[case::code(json!({"code_b64": "!"}), "code-not-base64")]
#[case::code_text(json!({"code_b64": "/w=="}), "code-not-utf8")]
#[case::kwargs(json!({"kwargs_b64": "name: x"}), "kwargs-not-base64")]
#[case::kwargs_text(json!({"kwargs_b64": "/w=="}), "kwargs-invalid")]
fn what_cannot_be_decoded_is_refused(#[case] fields: Value, #[case] code: &str) {
    assert_eq!(sentence(with_fields(&fields)).0, code);
}

#[rstest]
#[case(br#"{"code_b64": "MQ==", "timeout": 1, "timeout": 2}"#)]
#[case(br#"{"timeout": 1, "code_b64": "MQ==", "timeout": 1}"#)]
fn a_field_that_is_given_twice_is_refused(#[case] body: &[u8]) {
    let expected = ("field-invalid", "The field timeout is given twice".to_owned());
    assert_eq!(sentence(Envelope::from_json(body)), expected);
    let query = "code_b64=MQ&timeout=1&timeout=1";
    assert_eq!(sentence(Envelope::from_query(query)), expected);
}

#[rstest]
#[case::empty(b"")]
#[case::white_space(b" \n")]
#[case::object(b"{}")]
#[case::code_is_null(br#"{"code_b64": null}"#)]
#[case::fields_of_the_handler(br#"{"timeout": "soon", "timeout": [], "reload": {"code_b64": ""}}"#)]
#[case::list(br#"["code_b64", {"code_b64": "MQ=="}]"#)]
#[case::text(br#""code_b64""#)]
#[case::number(b"-3")]
#[case::float(b"3.5")]
#[case::flag(b"true")]
#[case::null(b"null")]
fn json_without_code_belongs_to_the_handler(#[case] body: &[u8]) {
    assert_eq!(Envelope::from_json(body).unwrap(), None);
}

#[rstest]
#[case::half(br#"{"code_b64": "MQ=="#)]
#[case::more_after_it(br#"{"code_b64": "MQ=="} x"#)]
#[case::two(b"{} {}")]
#[case::word(b"code_b64")]
#[case::not_utf8(b"{\"code_b64\": \"\xff\"}")]
fn a_body_that_is_not_json_is_refused(#[case] body: &[u8]) {
    let (code, words) = sentence(Envelope::from_json(body));
    assert_eq!(code, "body-not-json");
    assert!(words.starts_with("The body is not JSON: "), "{words}");
}

#[rstest]
#[case::query_of_the_handler("timeout=soon&timeout=&x=y")]
#[case::empty("")]
#[case::nearly("codec=MQ&mode=MQ")]
fn a_query_without_code_belongs_to_the_handler(#[case] query: &str) {
    assert_eq!(Envelope::from_query(query).unwrap(), None);
}

#[test]
fn a_query_whose_plus_signs_were_not_encoded_is_read() {
    let query = format!("code_b64={}", encode_standard(SOURCE.as_bytes()));
    assert!(query.contains('+'));
    assert_eq!(Envelope::from_query(&query).unwrap(), Some(plain()));
}

#[test]
fn empty_code_is_code() {
    let empty = Some(Envelope::new(Code::source("")));
    assert_eq!(Envelope::from_query("code_b64=").unwrap(), empty);
    assert_eq!(Envelope::from_json(br#"{"code_b64": ""}"#).unwrap(), empty);
}

#[test]
fn a_known_digest_is_code() {
    let digest = Digest::of(SOURCE);
    let envelope = Envelope::from_query(&format!("code_sha256={digest}")).unwrap();
    assert_eq!(envelope, Some(Envelope::new(Code::Known(digest))));
}

#[rstest]
#[case::lists("[", "]")]
#[case::objects("{\"a\":", "}")]
fn depth_of_a_handlers_json_does_no_harm(#[case] open: &str, #[case] close: &str) {
    let deep = open.repeat(10_000) + "1" + &close.repeat(10_000);
    for key in ["prompt", "timeout"] {
        let body = format!(r#"{{"{key}": {deep}}}"#);
        assert_eq!(Envelope::from_json(body.as_bytes()).unwrap(), None);
    }
    assert_eq!(Envelope::from_json(format!("[{deep}]").as_bytes()).unwrap(), None);
}

#[rstest]
#[case::no_cache(Envelope { cache_kwargs: true, cache_key_override: Some("k".into()), ..plain() }, None)]
#[case::cache(
    Envelope { use_cache: true, ..plain() },
    Some(CachePolicy { with_kwargs: false, key: None })
)]
#[case::cache_with_arguments(
    Envelope { use_cache: true, cache_kwargs: true, ..plain() },
    Some(CachePolicy { with_kwargs: true, key: None })
)]
#[case::cache_by_key(
    Envelope { use_cache: true, cache_key_override: Some("k".into()), ..plain() },
    Some(CachePolicy { with_kwargs: false, key: Some("k".into()) })
)]
fn an_envelope_becomes_a_call(#[case] envelope: Envelope, #[case] cache: Option<CachePolicy>) {
    let request = Request {
        id: "r1".into(),
        method: "GET".into(),
        scheme: "http".into(),
        host: "localhost".into(),
        path: "/".into(),
        query: String::new(),
        remote_addr: "127.0.0.1".into(),
        headers: Headers::default(),
        body: Bytes::new(),
        parts: None,
    };
    let call = Call { cache, ..plain().into_call(request.clone()) };
    assert_eq!(envelope.into_call(request), call);
}

fn code() -> impl Strategy<Value = Code> {
    prop_oneof![
        any::<String>().prop_map(|text| Code::source(&text)),
        any::<[u8; 32]>().prop_map(|bytes| Code::Known(Digest(bytes))),
    ]
}

fn value(field: Field) -> BoxedStrategy<FieldValue<'static>> {
    let text = |text: String| FieldValue::Text(text.into());
    match field.kind() {
        FieldKind::Flag => any::<bool>().prop_map(FieldValue::Flag).boxed(),
        FieldKind::Seconds => (1..1_000_000_000_000_000_u64)
            .prop_map(|nanos| FieldValue::Duration(Duration::from_nanos(nanos)))
            .boxed(),
        FieldKind::KeepAlive => prop_oneof![
            Just("-1".to_owned()),
            (0..1_000_000_000_u64, "[smhd]?")
                .prop_map(|(number, unit)| { format!("{}{unit}", number as f64 / 1e6) }),
        ]
        .prop_map(text)
        .boxed(),
        _ if field == Field::FnName => "\\PC+".prop_map(text).boxed(),
        _ => any::<String>().prop_map(text).boxed(),
    }
}

/// Some of the options, with values of their kinds.
fn options() -> impl Strategy<Value = Vec<(Field, FieldValue<'static>)>> {
    let options: Vec<_> = Field::ALL.iter().copied().filter(|field| field.is_option()).collect();
    let some = prop::sample::subsequence(options.clone(), 0..=options.len());
    some.prop_flat_map(|fields| {
        fields.into_iter().map(|field| (Just(field), value(field))).collect::<Vec<_>>()
    })
}

prop_compose! {
    fn envelope()(
        code in code(),
        // Not what begins with a byte order mark, which is no part of arguments.
        kwargs in prop::option::of("\\PC*[^\\s\u{feff}]"),
        options in options(),
        name in prop::option::of("[^/]{0,9}\\.py"),
    ) -> Envelope {
        let name = name.and_then(|name| FileName::new(&name));
        let mut envelope = Envelope { kwargs, name, ..Envelope::new(code) };
        for (field, value) in options {
            envelope.set(field, value).expect("the value is of the field's kind");
        }
        envelope
    }
}

proptest! {
    #[test]
    fn every_field_survives_every_place(envelope in envelope()) {
        let query = envelope.to_query();
        let json = envelope.to_json();
        let url = envelope.to_url("host/path?mine=1").unwrap();
        let (_, url_query) = url.split_once('?').unwrap();
        let value: Value = serde_json::from_str(&json).unwrap();
        let pairs = value.as_object().unwrap().iter().map(|(name, value)| {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            (Cow::from(name.as_str()), Cow::from(text))
        });

        let expected = Some(envelope);
        prop_assert_eq!(&Envelope::from_pairs(pairs).unwrap(), &expected, "{}", json);
        prop_assert_eq!(&Envelope::from_query(&query).unwrap(), &expected);
        prop_assert_eq!(&Envelope::from_query(url_query).unwrap(), &expected);
        prop_assert_eq!(&Envelope::from_form(query.as_bytes()).unwrap(), &expected);
        prop_assert_eq!(&Envelope::from_json(json.as_bytes()).unwrap(), &expected);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes: Vec<u8>, value in "\\PC*") {
        let _ = Envelope::from_json(&bytes);
        let _ = Envelope::from_form(&bytes);
        for field in Field::ALL {
            let _ = with_fields(&json!({ field.name(): value }));
        }
    }
}
