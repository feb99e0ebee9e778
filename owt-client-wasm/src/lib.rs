//! `owtify` for JavaScript: a translation of `owt-core`, and no logic.

use owt_core::kwargs::KwargsError;
use owt_core::{OwtifyError, owtify};
use serde_json::value::RawValue;
use wasm_bindgen::JsError;
use wasm_bindgen::prelude::wasm_bindgen;

/// The URL that runs an adaptor's source with arguments that are given as JSON.
///
/// # Errors
///
/// If the base is no HTTP URL, or the arguments are no JSON object.
#[wasm_bindgen(js_name = owtify)]
pub fn owtify_js(base: &str, source: &str, kwargs_json: &str) -> Result<String, JsError> {
    owtify_json(base, source, kwargs_json).map_err(JsError::from)
}

fn owtify_json(base: &str, source: &str, kwargs_json: &str) -> Result<String, OwtifyError> {
    let kwargs: &RawValue = serde_json::from_str(kwargs_json).map_err(KwargsError::NotJson)?;
    owtify(base, source, kwargs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_sent_as_javascript_wrote_them() {
        let url = owtify_json("localhost:9876", "1 + 1", r#"{"n":1e21,"café":null}"#).unwrap();
        let kwargs = "eyJuIjoxZTIxLCJjYWbDqSI6bnVsbH0";
        assert_eq!(url, format!("http://localhost:9876/?code_b64=MSArIDE&kwargs_b64={kwargs}"));
    }

    #[test]
    fn what_cannot_be_sent_is_refused() {
        let words = |kwargs| owtify_json("host", "1", kwargs).unwrap_err().to_string();
        assert_eq!(words("[1]"), "arguments are not a map of names to values");
        assert_eq!(words("undefined"), "arguments cannot be written as JSON");
    }
}
