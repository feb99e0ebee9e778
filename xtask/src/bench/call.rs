//! The call that is measured, and the ways in which it is sent to owt.

use anyhow::{Result, ensure};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use xshell::{Shell, cmd};

/// An adaptor of about 100 bytes.
const ADAPTOR: &str = r#"def run(request, name):
    """Greets, in about a hundred bytes of source code."""
    return f"Hello, {name}!"
"#;

const JSON: &str = r#"{"name": "owt"}"#;

const LITERAL: &str = "{'name': 'owt'}";

/// What every contestant answers.
pub(super) const REPLY: &str = "Hello, owt!";

/// How the call is sent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    /// The code, and arguments in JSON. Endpoints written by hand read the name beside them.
    Json,
    /// The code, and arguments as a Python literal.
    Literal,
    /// The code's digest, and arguments in JSON. The code has to be known.
    Digest,
    /// All of it in the URL of a GET.
    Get,
}

impl Call {
    pub(super) const ALL: [Self; 4] = [Self::Json, Self::Literal, Self::Digest, Self::Get];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Json => "code and JSON",
            Self::Literal => "code and literal",
            Self::Digest => "digest and JSON",
            Self::Get => "GET of code and JSON",
        }
    }

    /// Path and query.
    pub(super) fn target(self) -> String {
        if self != Self::Get {
            return "/".to_owned();
        }
        let [code, kwargs] = [ADAPTOR, JSON].map(|text| BASE64_URL_SAFE_NO_PAD.encode(text));
        format!("/?code_b64={code}&kwargs_b64={kwargs}")
    }

    /// The JSON that is posted; of a GET, nothing.
    pub(super) fn body(self) -> String {
        let code = BASE64_STANDARD.encode(ADAPTOR);
        let kwargs = BASE64_STANDARD.encode(if self == Self::Literal { LITERAL } else { JSON });
        let body = match self {
            Self::Get => return String::new(),
            Self::Digest => {
                let digest = hex::encode(Sha256::digest(ADAPTOR));
                json!({ "code_sha256": digest, "kwargs_b64": kwargs, "name": "owt" })
            }
            Self::Json | Self::Literal => {
                json!({ "code_b64": code, "kwargs_b64": kwargs, "name": "owt" })
            }
        };
        body.to_string()
    }

    /// Calls once, and insists on the right answer: a fast wrong one is worth nothing.
    pub(super) fn check(self, sh: &Shell, url: &str) -> Result<()> {
        let url = format!("{}{}", url.trim_end_matches('/'), self.target());
        let body = self.body();
        let body = (!body.is_empty()).then(|| ["--json".to_owned(), body]);
        let body = body.iter().flatten();
        let reply = cmd!(sh, "curl --silent --show-error {body...} {url}").quiet().read()?;
        ensure!(reply == REPLY, "{url} answers {reply:?} instead of {REPLY:?}");
        Ok(())
    }
}
