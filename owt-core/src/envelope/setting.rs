//! How an option of an envelope is set and written, by the type of its member.

use std::time::Duration;

use super::DEFAULT_FN_NAME;
use super::value::{FieldKind, FieldValue, ValueInvalid};
use crate::KeepAlive;

/// The type of a member that is an option.
pub(crate) trait Setting {
    /// The kind of its field.
    fn kind() -> FieldKind
    where
        Self: Sized;

    /// Its value where the field is left out.
    fn unset() -> Self
    where
        Self: Sized;

    /// Its value, unless that is the default.
    fn get(&self) -> Option<FieldValue<'_>>;

    /// Takes a value, or says what is wrong with it.
    fn set(&mut self, value: FieldValue<'_>) -> Result<(), ValueInvalid>;
}

impl Setting for bool {
    fn kind() -> FieldKind {
        FieldKind::Flag
    }

    fn unset() -> bool {
        false
    }

    fn get(&self) -> Option<FieldValue<'_>> {
        self.then_some(FieldValue::Flag(true))
    }

    fn set(&mut self, value: FieldValue<'_>) -> Result<(), ValueInvalid> {
        let FieldValue::Flag(flag) = value else { return Err(FieldKind::Flag.mismatch()) };
        *self = flag;
        Ok(())
    }
}

impl Setting for Option<String> {
    fn kind() -> FieldKind {
        FieldKind::Text
    }

    fn unset() -> Option<String> {
        None
    }

    fn get(&self) -> Option<FieldValue<'_>> {
        self.as_deref().map(|text| FieldValue::Text(text.into()))
    }

    fn set(&mut self, value: FieldValue<'_>) -> Result<(), ValueInvalid> {
        let FieldValue::Text(text) = value else { return Err(FieldKind::Text.mismatch()) };
        *self = Some(text.into_owned());
        Ok(())
    }
}

/// The name of a function.
impl Setting for String {
    fn kind() -> FieldKind {
        FieldKind::Text
    }

    fn unset() -> String {
        DEFAULT_FN_NAME.to_owned()
    }

    fn get(&self) -> Option<FieldValue<'_>> {
        (self != DEFAULT_FN_NAME).then(|| FieldValue::Text(self.into()))
    }

    fn set(&mut self, value: FieldValue<'_>) -> Result<(), ValueInvalid> {
        let FieldValue::Text(text) = value else { return Err(FieldKind::Text.mismatch()) };
        if text.is_empty() {
            return Err(ValueInvalid("takes a function's name"));
        }
        *self = text.into_owned();
        Ok(())
    }
}

impl Setting for Option<Duration> {
    fn kind() -> FieldKind {
        FieldKind::Seconds
    }

    fn unset() -> Option<Duration> {
        None
    }

    fn get(&self) -> Option<FieldValue<'_>> {
        self.map(FieldValue::Duration)
    }

    fn set(&mut self, value: FieldValue<'_>) -> Result<(), ValueInvalid> {
        let FieldValue::Duration(duration) = value else {
            return Err(FieldKind::Seconds.mismatch());
        };
        *self = Some(duration);
        Ok(())
    }
}

impl Setting for Option<KeepAlive> {
    fn kind() -> FieldKind {
        FieldKind::KeepAlive
    }

    fn unset() -> Option<KeepAlive> {
        None
    }

    fn get(&self) -> Option<FieldValue<'_>> {
        self.map(|time| FieldValue::Text(time.to_string().into()))
    }

    fn set(&mut self, value: FieldValue<'_>) -> Result<(), ValueInvalid> {
        let mismatch = || FieldKind::KeepAlive.mismatch();
        let FieldValue::Text(text) = value else { return Err(mismatch()) };
        *self = Some(text.parse().map_err(|_| mismatch())?);
        Ok(())
    }
}
