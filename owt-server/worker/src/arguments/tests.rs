//! What is read without Python is what Python reads: `owt._kwargs.parse` is asked for the same text.

use std::sync::LazyLock;

use proptest::prelude::*;
use pyo3::types::PyString;
use rstest::rstest;

use super::*;

/// `owt._kwargs.parse`, in an interpreter of these tests.
static PARSE: LazyLock<Py<PyAny>> = LazyLock::new(|| {
    Python::initialize();
    let parse = |py: Python<'_>| {
        let package = concat!(env!("CARGO_MANIFEST_DIR"), "/../../summat");
        py.import("sys")?.getattr("path")?.call_method1("insert", (0, package))?;
        Ok::<_, PyErr>(py.import("owt._kwargs")?.getattr("parse")?.unbind())
    };
    Python::attach(parse).unwrap()
});

/// What is read of a text, as `repr` shows it: that tells types, the order of keys, and -0.0 apart.
fn read_alone(text: &str) -> Option<String> {
    LazyLock::force(&PARSE);
    Python::attach(|py| read(py, text).map(|dict| dict.repr().unwrap().to_string()))
}

fn parsed(text: &str, evaluate: bool) -> Result<String, String> {
    Python::attach(|py| {
        let options = PyDict::new(py);
        options.set_item("evaluate", evaluate)?;
        let value = PARSE.call(py, (PyString::new(py, text),), Some(&options))?;
        Ok(value.bind(py).repr()?.to_string())
    })
    .map_err(|err: PyErr| err.to_string())
}

/// Reads a text in both ways, which have to agree if the fast one reads it at all.
fn check(text: &str) -> Option<String> {
    let fast = read_alone(text)?;
    for evaluate in [true, false] {
        assert_eq!(parsed(text, evaluate).as_ref(), Ok(&fast), "of {text:?}");
    }
    Some(fast)
}

#[rstest]
#[case("{}")]
#[case(" {\n}\t")]
#[case(r#"{"name": "owt"}"#)]
#[case("{'name': 'owt'}")]
#[case("{'a': 1, 'b': [True, None, {}], \"c\": -0.0,}")]
#[case(r#"{"a": [true, false, null, 1.5e300, -0, 0.1]}"#)]
#[case(r#"{"a": 1, "b": 2, "a": 3}"#)]
#[case("{'a': 1, 'b': 2, 'a': 3}")]
#[case(r#"{"a": "\"\\\/\b\f\n\r\t\u00e9\u0000"}"#)]
#[case(r#"{'a': "it's", 'b': 'it\'s "\u2028"'}"#)]
#[case(r#"{"é": "日本語 😀"}"#)]
#[case("{'a': 9223372036854775807, 'b': -9223372036854775808}")]
#[case(r#"{"a": 1e999, "b": -1e999, "c": 5e-324, "d": 1E+2, "e": 2.2250738585072011e-308}"#)]
fn the_common_form_is_read_without_python(#[case] text: &str) {
    assert!(check(text).is_some());
}

#[rstest]
#[case("")]
#[case("[1]")]
#[case("\u{feff}{}")]
#[case("{} {}")]
#[case("{'a': true}")]
#[case(r#"{"a": True, "b": true}"#)]
#[case(r#"{"a": true,}"#)]
#[case(r#"{'a': "\/"}"#)]
#[case(r#"{"a": "\ud83d\ude00"}"#)]
#[case(r#"{"a": "\x41"}"#)]
#[case(r#"{"a": "\u+123"}"#)]
#[case(r#"{"a": "\u00é"}"#)]
#[case("{'a': 'tab\t'}")]
#[case("{'a': '''b'''}")]
#[case("{'a': 'b' 'c'}")]
#[case("{'a': b'c'}")]
#[case("{'a': 01}")]
#[case("{'a': 1_0}")]
#[case("{'a': .5}")]
#[case("{'a': 5.}")]
#[case("{'a': 1j}")]
#[case("{'a': 9223372036854775808}")]
#[case("{'a': 1 + 1}")]
#[case("{'a': Truer}")]
#[case("{'a': NaN}")]
#[case("{'a': (1, 2)}")]
#[case("{'a': {1}}")]
#[case("{1: 2}")]
#[case("{'a'}")]
#[case("{'a': 1")]
#[case("{'a': [1}")]
#[case("{'a': 'b")]
#[case("{'a': 'b\\")]
#[case("{,}")]
#[case("{'a': 1,,}")]
#[case("<'a': 1>")]
fn all_else_is_left_to_python(#[case] text: &str) {
    assert_eq!(read_alone(text), None);
}

#[test]
fn long_and_deep_texts_are_left_to_python() {
    let nested = |depth: usize| format!("{{'a': {}{}}}", "[".repeat(depth), "]".repeat(depth));
    assert!(check(&nested(MAX_DEPTH - 1)).is_some());
    assert_eq!(read_alone(&nested(MAX_DEPTH)), None);
    let long = |len: usize| format!("{{'a': '{}'}}", "x".repeat(len - "{'a': ''}".len()));
    assert!(check(&long(MAX_TEXT)).is_some());
    assert_eq!(read_alone(&long(MAX_TEXT + 1)), None);
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        any::<String>().prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 20, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
            prop::collection::vec((".{0,4}", inner), 0..5)
                .prop_map(|entries| serde_json::Value::Object(entries.into_iter().collect())),
        ]
    })
}

/// Pieces of both notations, most of which do not fit together.
const PIECES: [&str; 44] = [
    "{", "}", "[", "]", ":", ",", ",", " ", "\n", "\t", "\r", "\x0c", "'", "\"", "'a'", "\"a\"",
    "'b'", "\"b\"", "\\", "\\n", "\\/", "\\'", "\\u0041", "\\ud800", "0", "1", "-", "-1", "1.5",
    ".", "e", "E+5", "1e5", "true", "null", "True", "None", "NaN", "(", ")", "b", "é", "#", "_",
];

proptest! {
    #[test]
    fn json_is_read_as_python_reads_it(values in prop::collection::vec((".{0,4}", json()), 0..5)) {
        let object: serde_json::Map<_, _> = values.into_iter().collect();
        check(&serde_json::Value::Object(object).to_string());
    }

    #[test]
    fn literals_are_read_as_python_reads_them(values in prop::collection::vec((".{0,4}", json()), 0..5)) {
        let object: serde_json::Map<_, _> = values.into_iter().collect();
        let text = serde_json::Value::Object(object).to_string();
        LazyLock::force(&PARSE);
        check(&parsed(&text, false).unwrap());
    }

    #[test]
    fn what_may_be_neither_is_read_as_python_reads_it(
        pieces in prop::collection::vec(prop::sample::select(&PIECES[..]), 0..12),
        is_wrapped: bool,
    ) {
        let text: String = pieces.concat();
        check(&if is_wrapped { format!("{{'a': {text}}}") } else { text });
    }

    #[test]
    fn any_text_is_read_without_a_panic(text: String, quoted in r#"[\\'"ub0-9/\PC]{0,20}"#) {
        check(&text);
        check(&format!("{{\"a\": \"{quoted}\"}}"));
        check(&format!("{{'a': '{quoted}'}}"));
    }
}
