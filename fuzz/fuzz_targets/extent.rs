//! Nesting and size of arguments, told by their text alone: of JSON, the depth is exact, and there are
//! no fewer tokens than values.

#![no_main]

use std::fmt;

use libfuzzer_sys::fuzz_target;
use owt_core::kwargs::{Extent, is_in_brackets};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

fuzz_target!(|text: &str| {
    let extent = Extent::of(text);
    assert!(extent.depth <= text.len() && extent.tokens <= text.len());
    assert!(extent.memory(text, u64::MAX) >= extent.memory(text, 0));
    let _ = is_in_brackets(text);
    if let Ok(shape) = serde_json::from_str::<Shape>(text) {
        assert_eq!(extent.depth, shape.depth);
        assert!(extent.tokens >= shape.values);
    }
});

/// What a text of JSON holds, also under names that it repeats.
#[derive(Default)]
struct Shape {
    depth: usize,
    values: usize,
}

impl Shape {
    fn scalar() -> Self {
        Self { depth: 0, values: 1 }
    }

    fn around(inner: Vec<Self>) -> Self {
        let depth = inner.iter().map(|one| one.depth).max().unwrap_or(0) + 1;
        Self { depth, values: inner.iter().map(|one| one.values).sum::<usize>() + 1 }
    }
}

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ShapeVisitor)
    }
}

struct ShapeVisitor;

impl<'de> Visitor<'de> for ShapeVisitor {
    type Value = Shape;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any JSON")
    }

    fn visit_unit<E>(self) -> Result<Shape, E> {
        Ok(Shape::scalar())
    }

    fn visit_bool<E>(self, _: bool) -> Result<Shape, E> {
        Ok(Shape::scalar())
    }

    fn visit_i64<E>(self, _: i64) -> Result<Shape, E> {
        Ok(Shape::scalar())
    }

    fn visit_u64<E>(self, _: u64) -> Result<Shape, E> {
        Ok(Shape::scalar())
    }

    fn visit_f64<E>(self, _: f64) -> Result<Shape, E> {
        Ok(Shape::scalar())
    }

    fn visit_str<E>(self, _: &str) -> Result<Shape, E> {
        Ok(Shape::scalar())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Shape, A::Error> {
        let mut inner = Vec::new();
        while let Some(item) = items.next_element()? {
            inner.push(item);
        }
        Ok(Shape::around(inner))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Shape, A::Error> {
        let mut inner = Vec::new();
        while let Some((IgnoredAny, value)) = entries.next_entry()? {
            inner.push(value);
        }
        Ok(Shape::around(inner))
    }
}
