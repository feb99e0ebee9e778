//! The arguments of tools as agents write them, and those of code as an envelope.

use std::collections::HashSet;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use owt_core::{Code, Digest, Envelope, Error};
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, Serializer};
use serde_json::value::RawValue;

/// The arguments of a tool, in their order, each as it was written: a value would lose what does not fit
/// into 64 bits.
#[derive(Debug, Default)]
pub(super) struct Arguments(Vec<(String, Box<RawValue>)>);

impl Arguments {
    /// # Errors
    /// [`Error::Arguments`] if it is no object of JSON, or has a name twice.
    pub(super) fn parse(text: Option<&RawValue>) -> Result<Self, Error> {
        let Some(text) = text else { return Ok(Self::default()) };
        serde_json::from_str(text.get()).map_err(|err| does_not_fit(&err))
    }

    pub(super) fn remove(&mut self, name: &str) -> Option<Box<RawValue>> {
        let at = self.0.iter().position(|(other, _)| other == name)?;
        Some(self.0.remove(at).1)
    }

    /// Whether one of these is among them.
    pub(super) fn has_any(&self, names: &[&str]) -> bool {
        self.0.iter().any(|(name, _)| names.contains(&name.as_str()))
    }

    pub(super) fn into_entries(self) -> Vec<(String, Box<RawValue>)> {
        self.0
    }

    pub(super) fn to_json(&self) -> Result<Bytes, Error> {
        let json = serde_json::to_vec(self).map_err(|err| does_not_fit(&err))?;
        Ok(json.into())
    }
}

impl<'de> Deserialize<'de> for Arguments {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;

        impl<'de> Visitor<'de> for Entries {
            type Value = Arguments;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Arguments, A::Error> {
                let (mut entries, mut names) = (Vec::new(), HashSet::new());
                while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
                    if !names.insert(name.clone()) {
                        return Err(de::Error::custom("a name is given twice"));
                    }
                    entries.push((name, value));
                }
                Ok(Arguments(entries))
            }
        }

        deserializer.deserialize_map(Entries)
    }
}

impl Serialize for Arguments {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

/// What `run_python` and `call_adaptor` take: one of the first two, and the same else.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct OfCode {
    code: Option<String>,
    sha256: Option<String>,
    kwargs: Option<Box<RawValue>>,
    fn_name: Option<String>,
    timeout: Option<f64>,
    pool: Option<String>,
}

/// The envelope that the arguments of `run_python` stand for.
pub(super) fn of_source(arguments: Option<&RawValue>) -> Result<Envelope, Error> {
    let given = OfCode::parse(arguments)?;
    match (&given.code, &given.sha256) {
        (Some(code), None) => given.envelope(Code::source(code)),
        _ => Err(Error::Arguments("It takes code, and no sha256.".to_owned())),
    }
}

/// The envelope that the arguments of `call_adaptor` stand for.
pub(super) fn of_digest(arguments: Option<&RawValue>) -> Result<Envelope, Error> {
    let given = OfCode::parse(arguments)?;
    let (Some(sha256), None) = (&given.sha256, &given.code) else {
        return Err(Error::Arguments("It takes sha256, and no code.".to_owned()));
    };
    let digest: Digest = sha256.to_ascii_lowercase().parse().map_err(|_| Error::FieldInvalid {
        field: "sha256",
        problem: "takes 64 hexadecimal digits",
    })?;
    given.envelope(Code::Known(digest))
}

impl OfCode {
    fn parse(arguments: Option<&RawValue>) -> Result<Self, Error> {
        let text = arguments.map_or("{}", RawValue::get);
        serde_json::from_str(text).map_err(|err| does_not_fit(&err))
    }

    fn envelope(&self, code: Code) -> Result<Envelope, Error> {
        let kwargs = self.kwargs.as_ref().map(|kwargs| kwargs.get().to_owned());
        if kwargs.as_ref().is_some_and(|kwargs| !kwargs.starts_with('{')) {
            return Err(Error::FieldInvalid { field: "kwargs", problem: "takes an object" });
        }
        let timeout = self.timeout.map(seconds).transpose()?;
        let envelope = Envelope { kwargs, timeout, pool: self.pool.clone(), ..Envelope::new(code) };
        Ok(match &self.fn_name {
            Some(fn_name) => Envelope { fn_name: fn_name.clone(), ..envelope },
            None => envelope,
        })
    }
}

fn does_not_fit(err: &serde_json::Error) -> Error {
    Error::Arguments(format!("The arguments do not fit: {err}."))
}

fn seconds(timeout: f64) -> Result<Duration, Error> {
    let duration = Duration::try_from_secs_f64(timeout).ok().filter(|limit| !limit.is_zero());
    let problem = "takes a positive number of seconds";
    duration.ok_or(Error::FieldInvalid { field: "timeout", problem })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).expect("it is JSON")
    }

    #[test]
    fn arguments_of_code_are_those_of_an_envelope() {
        let arguments =
            raw(r#"{"code": "lambda n: n", "kwargs": {"z": 18446744073709551616, "a": 1},
            "fn_name": "f", "timeout": 0.5, "pool": "gpu"}"#);
        let expected = Envelope {
            kwargs: Some(r#"{"z": 18446744073709551616, "a": 1}"#.to_owned()),
            fn_name: "f".to_owned(),
            timeout: Some(Duration::from_millis(500)),
            pool: Some("gpu".to_owned()),
            ..Envelope::new(Code::source("lambda n: n"))
        };
        assert_eq!(of_source(Some(&arguments)).unwrap(), expected);
    }

    #[test]
    fn known_code_is_named_by_its_digest_in_either_case() {
        let digest = Digest::of("lambda: 1");
        let hex = digest.to_string().to_uppercase();
        let arguments = raw(&format!(r#"{{"sha256": "{hex}"}}"#));
        let expected = Envelope::new(Code::Known(digest));
        assert_eq!(of_digest(Some(&arguments)).unwrap(), expected);
    }

    #[rstest]
    #[case::no_code("{}", "arguments")]
    #[case::unknown(r#"{"code": "1", "cod": "2"}"#, "arguments")]
    #[case::both(r#"{"code": "1", "sha256": "2"}"#, "arguments")]
    #[case::list_as_kwargs(r#"{"code": "1", "kwargs": []}"#, "field-invalid")]
    #[case::no_time(r#"{"code": "1", "timeout": 0}"#, "field-invalid")]
    #[case::negative(r#"{"code": "1", "timeout": -1}"#, "field-invalid")]
    #[case::endless(r#"{"code": "1", "timeout": 1e300}"#, "field-invalid")]
    #[case::no_object("[]", "arguments")]
    fn arguments_that_do_not_fit_are_refused(#[case] arguments: &str, #[case] expected: &str) {
        assert_eq!(of_source(Some(&raw(arguments))).unwrap_err().code(), expected);
    }

    #[test]
    fn arguments_stay_as_they_were_written() {
        let text = r#"{"z":1e400,"a":[18446744073709551616,{"b":1.0}]}"#;
        let arguments = Arguments::parse(Some(&raw(text))).unwrap();
        assert_eq!(arguments.to_json().unwrap(), text);
        assert!(Arguments::parse(None).unwrap().into_entries().is_empty());
    }

    #[test]
    fn no_argument_is_given_twice() {
        let err = Arguments::parse(Some(&raw(r#"{"a": 1, "a": 2}"#))).unwrap_err();
        assert!(err.sentence().contains("a name is given twice"), "{}", err.sentence());
    }
}
