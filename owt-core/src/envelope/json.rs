//! Reading fields from a JSON object, and skipping the rest of it.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::Field;
use super::raw::{KWARGS_OBJECT, Raw, RawFields};

/// Reads the fields of a body that is an object.
pub(super) fn read<'a>(body: &'a [u8], fields: &mut RawFields<'a>) -> serde_json::Result<()> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    deserializer.deserialize_map(FieldsVisitor(fields))?;
    deserializer.end()
}

/// Adds to fields that stay where they are: they are too large to be handed from one to the next.
struct FieldsVisitor<'a, 'de>(&'a mut RawFields<'de>);

impl<'de> Visitor<'de> for FieldsVisitor<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self(fields) = self;
        while let Some(Key(name)) = map.next_key()? {
            match Field::from_name(&name) {
                Some(Field::KwargsB64) => fields.insert(Field::KwargsB64, kwargs(&mut map)?),
                Some(field) => fields.insert(field, map.next_value()?),
                None if name == KWARGS_OBJECT => match kwargs(&mut map)? {
                    Raw::Object(json) => fields.kwargs_object = Some(json),
                    _ => fields.note_unknown(&name),
                },
                // A value for the handler is skipped, not parsed: it may be huge or deeply nested.
                None => {
                    fields.note_unknown(&name);
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// A value that may be arguments: the text of an object is kept unparsed.
fn kwargs<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Raw<'de>, A::Error> {
    let json = map.next_value::<&RawValue>()?.get();
    if json.starts_with('{') {
        return Ok(Raw::Object(json));
    }
    serde_json::from_str(json).map_err(A::Error::custom)
}

/// A key of the object, which is borrowed unless it has escapes.
struct Key<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;

        impl<'de> Visitor<'de> for KeyVisitor {
            type Value = Key<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(name.into()))
            }

            fn visit_str<E>(self, name: &str) -> Result<Key<'de>, E> {
                Ok(Key(name.to_owned().into()))
            }
        }

        deserializer.deserialize_str(KeyVisitor)
    }
}

impl<'de> Deserialize<'de> for Raw<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Raw<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Raw<'de>, E> {
        Ok(Raw::Text(text.into()))
    }

    fn visit_str<E>(self, text: &str) -> Result<Raw<'de>, E> {
        Ok(Raw::Text(text.to_owned().into()))
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Raw<'de>, E> {
        Ok(Raw::Flag(flag))
    }

    #[expect(clippy::cast_precision_loss, reason = "precision beyond 2^53 seconds does not matter")]
    fn visit_i64<E>(self, number: i64) -> Result<Raw<'de>, E> {
        Ok(Raw::Number(number as f64))
    }

    #[expect(clippy::cast_precision_loss, reason = "precision beyond 2^53 seconds does not matter")]
    fn visit_u64<E>(self, number: u64) -> Result<Raw<'de>, E> {
        Ok(Raw::Number(number as f64))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Raw<'de>, E> {
        Ok(Raw::Number(number))
    }

    fn visit_unit<E>(self) -> Result<Raw<'de>, E> {
        Ok(Raw::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Raw<'de>, A::Error> {
        IgnoredAny.visit_seq(seq)?;
        Ok(Raw::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Raw<'de>, A::Error> {
        IgnoredAny.visit_map(map)?;
        Ok(Raw::Other)
    }
}
