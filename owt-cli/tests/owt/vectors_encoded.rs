//! `owt encode` prints the URLs that the shared vectors say.

use owt_core::{Field, FieldValue};

use crate::program::{Outcome, outcome, owt};
use crate::vectors::{self, Json, Vector};

#[test]
fn every_vector_that_can_be_typed_gives_its_outcome() {
    let vectors: Vec<_> = Vector::all().into_iter().filter(can_be_typed).collect();
    assert!(vectors.len() > 110, "{} vectors can be typed", vectors.len());
    for vector in vectors {
        assert_eq!(encoded(&vector), vector.expected(), "{}", vector.name);
    }
}

/// On a command line, arguments that are no map are something else.
fn can_be_typed(vector: &Vector) -> bool {
    matches!(vector.kwargs, Json::Map(_) | Json::Null(()))
}

fn encoded(vector: &Vector) -> vectors::Outcome {
    let base = format!("--url={}", vector.base);
    let mut command = owt(&["encode", "-", &base]);
    if let Json::Map(_) = vector.kwargs {
        command.arg(serde_json::to_string(&vector.kwargs).expect("JSON is JSON"));
    }
    command.args(vector.options().filter_map(option)).write_stdin(vector.source());
    match outcome(&mut command) {
        Outcome { code: Some(0), stdout, .. } => {
            vector.measured(stdout.strip_suffix('\n').expect("a line is printed").to_owned())
        }
        failed => error(&failed.stderr),
    }
}

/// A field as the command line has it.
fn option((field, value): (Field, FieldValue<'_>)) -> Option<String> {
    let name = match field {
        Field::CacheKeyOverride => "cache-key".to_owned(),
        field => field.name().replace('_', "-"),
    };
    match value {
        FieldValue::Flag(is_set) => is_set.then(|| format!("--{name}")),
        FieldValue::Text(text) => Some(format!("--{name}={text}")),
        FieldValue::Duration(limit) => Some(format!("--{name}={}", limit.as_secs_f64())),
    }
}

/// The words before the base URL or the hint, and the code that they belong to.
fn error(stderr: &str) -> vectors::Outcome {
    let words = stderr.strip_prefix("owt: error: ").expect("an error is said to be one");
    let is_said = |outcome: &vectors::Outcome| match outcome {
        vectors::Outcome::Error { message, .. } => words.starts_with(message),
        _ => false,
    };
    let mut known = Vector::all().into_iter().map(|vector| vector.expected());
    known.find(is_said).unwrap_or_else(|| panic!("no vector has these words: {words}"))
}
