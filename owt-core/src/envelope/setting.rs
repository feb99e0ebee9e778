//! How a member of an envelope is set and written, by its type.

use std::time::Duration;

use super::DEFAULT_FN_NAME;
use super::value::{Kind, Value, ValueInvalid};

/// A member of an envelope that a field sets.
pub(crate) trait Setting {
    /// The kind of its field.
    fn kind() -> Kind
    where
        Self: Sized;

    /// What it is where the field is left out.
    fn unset() -> Self
    where
        Self: Sized;

    /// Its value, unless that is the default.
    fn get(&self) -> Option<Value<'_>>;

    /// Takes a value, or says what is wrong with it.
    fn set(&mut self, value: Value<'_>) -> Result<(), ValueInvalid>;
}

impl Setting for bool {
    fn kind() -> Kind {
        Kind::Flag
    }

    fn unset() -> bool {
        false
    }

    fn get(&self) -> Option<Value<'_>> {
        self.then_some(Value::Flag(true))
    }

    fn set(&mut self, value: Value<'_>) -> Result<(), ValueInvalid> {
        let Value::Flag(flag) = value else { return Err(Kind::Flag.problem()) };
        *self = flag;
        Ok(())
    }
}

impl Setting for Option<String> {
    fn kind() -> Kind {
        Kind::Text
    }

    fn unset() -> Option<String> {
        None
    }

    fn get(&self) -> Option<Value<'_>> {
        self.as_deref().map(|text| Value::Text(text.into()))
    }

    fn set(&mut self, value: Value<'_>) -> Result<(), ValueInvalid> {
        let Value::Text(text) = value else { return Err(Kind::Text.problem()) };
        *self = Some(text.into_owned());
        Ok(())
    }
}

/// The name of a function.
impl Setting for String {
    fn kind() -> Kind {
        Kind::Text
    }

    fn unset() -> String {
        DEFAULT_FN_NAME.to_owned()
    }

    fn get(&self) -> Option<Value<'_>> {
        (self != DEFAULT_FN_NAME).then(|| Value::Text(self.into()))
    }

    fn set(&mut self, value: Value<'_>) -> Result<(), ValueInvalid> {
        let Value::Text(text) = value else { return Err(Kind::Text.problem()) };
        if text.is_empty() {
            return Err(ValueInvalid("takes a function's name"));
        }
        *self = text.into_owned();
        Ok(())
    }
}

impl Setting for Option<Duration> {
    fn kind() -> Kind {
        Kind::Seconds
    }

    fn unset() -> Option<Duration> {
        None
    }

    fn get(&self) -> Option<Value<'_>> {
        self.map(Value::Seconds)
    }

    fn set(&mut self, value: Value<'_>) -> Result<(), ValueInvalid> {
        let Value::Seconds(duration) = value else { return Err(Kind::Seconds.problem()) };
        *self = Some(duration);
        Ok(())
    }
}
