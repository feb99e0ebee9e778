//! Arguments reach Python as they were given.

use std::collections::BTreeMap;

use owt_client::blocking::Client;
use owt_client::{Adaptor, Envelope, Method};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde::Serialize;

use crate::real::Server;

/// What JSON can hold, with numbers as Python has them.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
enum Value {
    None,
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(String),
    List(Vec<Value>),
    Dict(BTreeMap<String, Value>),
}

/// Says what Python got: the type of everything, floats by their bits, and integers in full.
const DESCRIBE: &str = r"
import struct

def run(request, /, **kwargs):
    return describe(kwargs)

def describe(value):
    match value:
        case None | bool() | str():
            return repr(value) if not isinstance(value, str) else 't' + value
        case int():
            return f'i{value}'
        case float():
            return 'f' + struct.pack('>d', value).hex()
        case list():
            return [describe(item) for item in value]
        case dict():
            return {name: describe(item) for name, item in value.items()}
";

/// What `DESCRIBE` has to answer.
fn described(value: &Value) -> serde_json::Value {
    match value {
        Value::None => "None".into(),
        Value::Bool(true) => "True".into(),
        Value::Bool(false) => "False".into(),
        Value::Int(int) => format!("i{int}").into(),
        Value::Float(float) => format!("f{:016x}", float.to_bits()).into(),
        Value::Text(text) => format!("t{text}").into(),
        Value::List(items) => items.iter().map(described).collect(),
        Value::Dict(items) => {
            items.iter().map(|(name, item)| (name.clone(), described(item))).collect()
        }
    }
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::None),
        any::<bool>().prop_map(Value::Bool),
        any::<i128>().prop_map(Value::Int),
        any::<i8>().prop_map(|int| Value::Int(int.into())),
        proptest::num::f64::ANY
            .prop_filter("JSON has it", |x| x.is_finite())
            .prop_map(Value::Float),
        (-1e6..1e6).prop_map(|float: f64| Value::Float(float.round())),
        any::<String>().prop_map(Value::Text),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::List),
            proptest::collection::btree_map(any::<String>(), inner, 0..6).prop_map(Value::Dict),
        ]
    })
}

fn kwargs() -> impl Strategy<Value = Value> {
    proptest::collection::btree_map(any::<String>(), values(), 0..6).prop_map(Value::Dict)
}

#[test]
fn arguments_survive_the_trip_to_python() {
    let server = Server::start(&[]);
    let client = Client::new(&server.url()).unwrap();
    let adaptor = Adaptor::from_source(DESCRIBE);
    let mut runner =
        TestRunner::new(Config { cases: 200, failure_persistence: None, ..Config::default() });
    let survive = |kwargs: Value| {
        for method in [Method::POST, Method::GET] {
            let reply = client.call(&adaptor).kwargs(&kwargs).method(method).send().unwrap();
            prop_assert_eq!(reply.json::<serde_json::Value>().unwrap(), described(&kwargs));
        }
        Ok(())
    };
    runner.run(&kwargs(), survive).unwrap();
}

#[test]
fn arguments_may_be_an_expression() {
    let server = Server::start(&[]);
    let client = Client::new(&server.url()).unwrap();
    let code = owt_client::Code::source("lambda n: n");
    let envelope = Envelope { kwargs: Some("{'n': 6 * 7}".to_owned()), ..Envelope::new(code) };
    assert_eq!(client.call_with(envelope).send().unwrap().text().unwrap(), "42");
}
