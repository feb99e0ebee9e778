//! The test vectors that every implementation of `owtify` shares.

use indexmap::IndexMap;
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
    pub(crate) options: Options,
    url: Option<String>,
    url_sha256: Option<String>,
    url_length: Option<usize>,
    error: Option<String>,
    message: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Source {
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

/// The fields of the envelope besides code and arguments.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Options {
    pub(crate) fn_name: Option<String>,
    pub(crate) use_cache: bool,
    pub(crate) cache_kwargs: bool,
    pub(crate) cache_key_override: Option<String>,
    pub(crate) timeout: Option<f64>,
    pub(crate) reload: bool,
}

/// What a call gives: a URL, the measures of a long one, or an error's code and words.
#[derive(Debug, PartialEq)]
pub(crate) enum Outcome {
    Url(String),
    LongUrl { sha256: String, length: usize },
    Error { code: String, message: String },
}

impl Vector {
    pub(crate) fn all() -> Vec<Vector> {
        let text = include_str!("../../../tests/vectors/owtify.json");
        serde_json::from_str(text).expect("the vectors have the form that their README says")
    }

    pub(crate) fn source(&self) -> String {
        match &self.source {
            Source::Text(text) => text.clone(),
            Source::Repeated { repeat, times } => repeat.repeat(*times),
        }
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
        let digest = Sha256::digest(url.as_bytes());
        let sha256 = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        Outcome::LongUrl { sha256, length: url.len() }
    }
}
