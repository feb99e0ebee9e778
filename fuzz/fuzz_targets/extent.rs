//! Nesting and size of arguments, told by their text alone: of JSON, the depth is exact, and there are
//! no fewer tokens than values.

#![no_main]

use libfuzzer_sys::fuzz_target;
use owt_core::kwargs::{Extent, is_in_brackets};
use serde_json::Value;

fuzz_target!(|text: &str| {
    let extent = Extent::of(text);
    assert!(extent.depth <= text.len() && extent.tokens <= text.len());
    assert!(extent.memory(text, u64::MAX) >= extent.memory(text, 0));
    let _ = is_in_brackets(text);
    if let Ok(value) = serde_json::from_str(text) {
        let (depth, values) = depth_and_values(&value);
        assert_eq!(extent.depth, depth);
        assert!(extent.tokens >= values);
    }
});

fn depth_and_values(value: &Value) -> (usize, usize) {
    let inner: Vec<&Value> = match value {
        Value::Array(items) => items.iter().collect(),
        Value::Object(entries) => entries.values().collect(),
        _ => return (0, 1),
    };
    let inner = inner.into_iter().map(depth_and_values);
    let (depth, values) = inner.fold((0, 0), |all, one| (all.0.max(one.0), all.1 + one.1));
    (depth + 1, values + 1)
}
