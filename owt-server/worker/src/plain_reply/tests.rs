//! What is sent without Python is what Python sends: `owt._reply.reply_of` is asked for the same value.

use std::ffi::CString;
use std::sync::LazyLock;

use proptest::prelude::*;
use rstest::rstest;

use super::*;

/// `owt._reply.reply_of`, in an interpreter of these tests.
static REPLY_OF: LazyLock<Py<PyAny>> = LazyLock::new(|| {
    Python::initialize();
    let reply_of = |py: Python<'_>| {
        let package = concat!(env!("CARGO_MANIFEST_DIR"), "/../../summat");
        py.import("sys")?.getattr("path")?.call_method1("insert", (0, package))?;
        Ok::<_, PyErr>(py.import("owt._reply")?.getattr("reply_of")?.unbind())
    };
    Python::attach(reply_of).unwrap()
});

/// Makes a reply in both ways, which have to agree if the fast one makes any: media type and body.
fn check(value: &Bound<'_, PyAny>) -> Option<(String, Vec<u8>)> {
    let PlainReply { content_type, body } = PlainReply::of(value, usize::MAX)?;
    let made = REPLY_OF.call1(value.py(), (value,)).unwrap().into_bound(value.py());
    let data = made.getattr("body").unwrap().getattr("data").unwrap();
    let known_type: String = made.getattr("known_type").unwrap().extract().unwrap();
    assert_eq!(made.getattr("status").unwrap().extract::<u16>().unwrap(), 200);
    assert_eq!(made.getattr("headers").unwrap().len().unwrap(), 0);
    assert_eq!((known_type.as_str(), data.extract::<&[u8]>().unwrap()), (content_type, &*body));
    Some((known_type, body.into_owned()))
}

fn check_expression(expression: &str) -> Option<(String, Vec<u8>)> {
    LazyLock::force(&REPLY_OF);
    Python::attach(|py| {
        let value = py.eval(&CString::new(expression).unwrap(), None, None).unwrap();
        check(&value)
    })
}

#[rstest]
#[case("''")]
#[case("'text'")]
#[case("'<p>page'")]
#[case("' <p>'")]
#[case("'日本語 😀'")]
#[case("b''")]
#[case("b'<p>\\xff'")]
#[case("0")]
#[case("True")]
#[case("False")]
#[case("[]")]
#[case("{}")]
#[case("[[], {}, None, True, -1, 9223372036854775807, -9223372036854775808]")]
#[case("{'b': 1, 'a': {'': [2]}, 'é\"\\\\': 'x'}")]
#[case("[''.join(map(chr, range(160))), '\\u2028\\u2029\\uffff\\U0010ffff</script>']")]
fn the_common_values_are_sent_without_python(#[case] expression: &str) {
    assert!(check_expression(expression).is_some());
}

#[rstest]
#[case("None")]
#[case("1.5")]
#[case("[1.5]")]
#[case("float('nan')")]
#[case("2 ** 63")]
#[case("[-2 ** 63 - 1]")]
#[case("'\\ud800'")]
#[case("['\\ud800']")]
#[case("{'\\ud800': 1}")]
#[case("{1: 2}")]
#[case("{None: 2}")]
#[case("{True: 2}")]
#[case("(1, 2)")]
#[case("[(1, 2)]")]
#[case("{1}")]
#[case("[b'bytes']")]
#[case("bytearray(b'x')")]
#[case("memoryview(b'x')")]
#[case("[object]")]
#[case("type('Text', (str,), {})('x')")]
#[case("[type('Text', (str,), {})('x')]")]
#[case("{type('Text', (str,), {})('x'): 1}")]
#[case("type('Bytes', (bytes,), {})(b'x')")]
#[case("[type('Number', (int,), {})(1)]")]
#[case("type('List', (list,), {})()")]
#[case("type('Dict', (dict,), {})()")]
#[case("iter([])")]
fn all_else_is_left_to_python(#[case] expression: &str) {
    assert_eq!(check_expression(expression), None);
}

#[test]
fn deep_values_are_left_to_python() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(check_expression(&nested(MAX_DEPTH)).is_some());
    assert_eq!(check_expression(&nested(MAX_DEPTH + 1)), None);
    assert_eq!(check_expression("(lambda l: l.append(l) or l)([])"), None);
}

#[rstest]
#[case("'é' * 5")]
#[case("b'x' * 10")]
#[case("['xx',123]")]
#[case("{'a': 1234}")]
fn what_is_longer_than_wanted_is_left_to_python(#[case] expression: &str) {
    LazyLock::force(&REPLY_OF);
    Python::attach(|py| {
        let value = py.eval(&CString::new(expression).unwrap(), None, None).unwrap();
        assert!(PlainReply::of(&value, 10).is_some() && PlainReply::of(&value, 9).is_none());
    });
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<String>().prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 20, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
            prop::collection::vec((any::<String>(), inner), 0..5)
                .prop_map(|entries| serde_json::Value::Object(entries.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn json_is_sent_as_python_sends_it(value in json()) {
        LazyLock::force(&REPLY_OF);
        Python::attach(|py| {
            let loads = py.import("json").unwrap().getattr("loads").unwrap();
            let loaded = loads.call1((value.to_string(),)).unwrap();
            prop_assert!(check(&loaded).is_some() || loaded.is_none());
            Ok(())
        })?;
    }
}
