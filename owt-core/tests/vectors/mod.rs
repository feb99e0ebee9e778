//! The test vectors that every implementation of `owtify` shares.

use std::time::Duration;

use indexmap::IndexMap;
use owt_core::{Field, FieldValue};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// One call, and the URL that makes it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Vector {
    pub(crate) name: String,
    pub(crate) base: String,
    source: Source,
    pub(crate) kwargs: Json,
    #[serde(default)]
    options: IndexMap<String, Json>,
    url: Option<String>,
    url_sha256: Option<String>,
    url_length: Option<usize>,
    error: Option<String>,
    message: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Source {
    Text(String),
    Repeated { repeat: String, times: usize },
}

/// Any JSON, its maps in the order in which they are written.
#[derive(Debug, Deserialize, Serialize)]
#[serde(untagged)]
pub(crate) enum Json {
    Null(()),
    Flag(bool),
    Number(serde_json::Number),
    Text(String),
    List(Vec<Json>),
    Map(IndexMap<String, Json>),
}

/// What a call gives: a URL, the measures of a long one, or an error's code and words.
#[derive(Debug, PartialEq)]
pub(crate) enum Outcome {
    Url(String),
    LongUrl { sha256: String, length: usize },
    Error { code: String, message: String },
}

impl Source {
    pub(crate) fn text(&self) -> String {
        match self {
            Source::Text(text) => text.clone(),
            Source::Repeated { repeat, times } => repeat.repeat(*times),
        }
    }
}

impl Json {
    /// The value of a field, unless it is left out.
    pub(crate) fn value(&self) -> Option<FieldValue<'_>> {
        match self {
            Json::Null(()) => None,
            Json::Flag(flag) => Some(FieldValue::Flag(*flag)),
            Json::Number(number) => {
                let seconds = number.as_f64().expect("an option's number is no large one");
                Some(FieldValue::Duration(Duration::from_secs_f64(seconds)))
            }
            Json::Text(text) => Some(FieldValue::Text(text.into())),
            Json::List(_) | Json::Map(_) => panic!("an option is text, a number or a flag"),
        }
    }
}

impl Vector {
    pub(crate) fn all() -> Vec<Vector> {
        let text = include_str!("../../../tests/vectors/owtify.json");
        serde_json::from_str(text).expect("the vectors have the form that their README says")
    }

    pub(crate) fn source(&self) -> String {
        self.source.text()
    }

    /// The fields of the envelope besides code and arguments.
    pub(crate) fn options(&self) -> impl Iterator<Item = (Field, FieldValue<'_>)> {
        self.options.iter().filter_map(|(name, json)| {
            let field = Field::from_name(name).expect("an option is a field of the envelope");
            Some((field, json.value()?))
        })
    }

    pub(crate) fn expected(&self) -> Outcome {
        let text =
            |field: &Option<String>| field.clone().expect("the fields of an outcome go together");
        if let Some(url) = &self.url {
            return Outcome::Url(url.clone());
        }
        if let Some(length) = self.url_length {
            return Outcome::LongUrl { sha256: text(&self.url_sha256), length };
        }
        Outcome::Error { code: text(&self.error), message: text(&self.message) }
    }

    /// A URL, in the form in which the vector has it.
    pub(crate) fn measured(&self, url: String) -> Outcome {
        if self.url_length.is_none() {
            return Outcome::Url(url);
        }
        let sha256 = hex::encode(Sha256::digest(url.as_bytes()));
        Outcome::LongUrl { sha256, length: url.len() }
    }
}
