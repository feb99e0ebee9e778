//! The tools that agents find: named endpoints, and unless there are only these, any code.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use owt_core::{Control, DEFAULT_FN_NAME, Executor};
use rmcp::model::{JsonObject, Tool, ToolAnnotations};
use serde_json::{Map, Value, json};
use tokio::time::timeout;

use crate::front::Front;
use crate::front::routes::Endpoint;

pub(super) const RUN_PYTHON: &str = "run_python";
pub(super) const CALL_ADAPTOR: &str = "call_adaptor";
pub(super) const LIST_ADAPTORS: &str = "list_adaptors";

/// How long the name of a tool may be.
const MAX_NAME: usize = 64;

/// How long a list waits for an endpoint that is being loaded, and for how many at once.
const PATIENCE: Duration = Duration::from_secs(10);
const AT_ONCE: usize = 8;

const RUN_PYTHON_DESCRIPTION: &str = "\
Runs Python on the machine of this server, and returns what it returns. The code is a module that defines \
run(), or a single lambda, for instance: `def run(name='you'): return {'hello': name}`. run() is called \
with the entries of `kwargs` as keyword arguments; if its first parameter is named `request` and has no \
default, it gets the request. It may return str, bytes, dict, list, None, an image of PIL or matplotlib, an \
array, or (body, status, headers); a generator is streamed. What it prints goes to the server's log, \
not to you. Packages that are not installed can be named at the top in a `# /// script` block (PEP 723). \
The code stays loaded: what its module level makes, such as a model, is there at the next call with the \
same code. An error comes with its traceback.";

const CALL_ADAPTOR_DESCRIPTION: &str = "\
Calls code that this server has been sent before, by the SHA-256 of its source: list_adaptors says what is \
loaded, and each answer of run_python has it as code_sha256 in its _meta. So the code need not be sent again.";

const LIST_ADAPTORS_DESCRIPTION: &str = "\
Lists the code that is loaded on this server: its SHA-256, and the file that it is from, how often and \
when it was called, and what it takes of memory, as far as that is known.";

/// The endpoints by the names of their tools.
pub(super) fn of_endpoints(all: &[Arc<Endpoint>]) -> Vec<(String, Arc<Endpoint>)> {
    let names = names(all.iter().map(|endpoint| endpoint.path()));
    names.into_iter().zip(all.iter().cloned()).collect()
}

/// A name for each path, in the same order; no two are equal, and none is that of a tool of owt's own.
fn names<'a>(paths: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut taken: HashSet<String> =
        [RUN_PYTHON, CALL_ADAPTOR, LIST_ADAPTORS].map(str::to_owned).into();
    let name = |path: &str| {
        let first = words(path);
        let others = (2..).map(|number| {
            let suffix = format!("_{number}");
            let len = first.len().min(MAX_NAME - suffix.len());
            format!("{}{suffix}", &first[..len])
        });
        let mut names = std::iter::once(first.clone()).chain(others);
        let free = names.find(|name| !taken.contains(name)).expect("there is no end of numbers");
        taken.insert(free.clone());
        free
    };
    paths.map(name).collect()
}

/// `/v1/say/{voice}` as a name: `v1_say_voice`.
fn words(path: &str) -> String {
    let words = path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let mut name = words.collect::<Vec<_>>().join("_");
    name.truncate(MAX_NAME);
    if name.is_empty() { "index".to_owned() } else { name }
}

impl<E: Executor + Control + 'static> Front<E> {
    /// All tools. Of an endpoint that cannot be loaded, its description says why.
    pub(super) async fn tools(&self) -> Vec<Tool> {
        let mut tools = match self.state.has_code_tools() {
            true => vec![run_python(), call_adaptor(), list_adaptors()],
            false => vec![],
        };
        let endpoints = of_endpoints(self.state.routes.all());
        let of_endpoints = stream::iter(endpoints)
            .map(async |(name, endpoint)| self.of_endpoint(name, &endpoint).await)
            .buffered(AT_ONCE);
        tools.extend(of_endpoints.collect::<Vec<_>>().await);
        tools
    }

    async fn of_endpoint(&self, name: String, endpoint: &Endpoint) -> Tool {
        let described = timeout(PATIENCE, endpoint.description(&*self.executor)).await;
        let (text, schema) = match &described {
            Err(_) => ("It is still being loaded.".to_owned(), json!({ "type": "object" })),
            Ok(Ok(described)) => {
                (described["doc"].as_str().unwrap_or_default().to_owned(), schema(described))
            }
            Ok(Err(err)) => {
                (format!("It cannot be called: {}", err.sentence()), json!({ "type": "object" }))
            }
        };
        let text = if text.is_empty() { format!("The endpoint {}", endpoint.path()) } else { text };
        let is_read_only = endpoint.methods().all(|method| method == "GET");
        tool(name, text, schema)
            .with_title(endpoint.path())
            .with_annotations(ToolAnnotations::new().read_only(is_read_only))
    }
}

/// What an endpoint takes, as JSON Schema.
fn schema(described: &Value) -> Value {
    let parameters = described["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
    let named = |parameter: &Value| parameter["name"].as_str().unwrap_or_default().to_owned();
    let properties: Map<String, Value> =
        parameters.iter().map(|parameter| (named(parameter), schema_of(parameter))).collect();
    let required: Vec<String> =
        parameters.iter().filter(|parameter| parameter["required"] == true).map(named).collect();
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": described["takes_others"] == true,
    })
}

fn schema_of(parameter: &Value) -> Value {
    match parameter["is_file"] == true {
        // JSON Schema, section 8.3.
        true => json!({
            "type": "string",
            "contentEncoding": "base64",
            "description": "The bytes of a file, in base64",
        }),
        false => parameter["schema"].clone(),
    }
}

fn run_python() -> Tool {
    let mut properties = json!({
        "code": { "type": "string", "description": "Python source that defines run(), or a lambda" },
    });
    add_call_options(&mut properties);
    tool(RUN_PYTHON, RUN_PYTHON_DESCRIPTION, arguments(&properties, "code"))
        .with_title("Run Python")
        .with_annotations(of_code())
}

fn call_adaptor() -> Tool {
    let mut properties = json!({
        "sha256": {
            "type": "string",
            "pattern": "^[0-9a-fA-F]{64}$",
            "description": "SHA-256 of the source in UTF-8, in hexadecimal",
        },
    });
    add_call_options(&mut properties);
    tool(CALL_ADAPTOR, CALL_ADAPTOR_DESCRIPTION, arguments(&properties, "sha256"))
        .with_title("Call code again")
        .with_annotations(of_code())
}

fn list_adaptors() -> Tool {
    tool(LIST_ADAPTORS, LIST_ADAPTORS_DESCRIPTION, json!({ "type": "object" }))
        .with_title("List loaded code")
        .with_annotations(ToolAnnotations::new().read_only(true).open_world(false))
}

/// What code does, nobody knows.
fn of_code() -> ToolAnnotations {
    ToolAnnotations::new().read_only(false).destructive(true).open_world(true)
}

fn add_call_options(properties: &mut Value) {
    properties["kwargs"] = json!({
        "type": "object",
        "description": "The keyword arguments of the function",
    });
    properties["fn_name"] = json!({
        "type": "string",
        "default": DEFAULT_FN_NAME,
        "description": "The function of the code to call",
    });
    properties["timeout"] = json!({
        "type": "number",
        "exclusiveMinimum": 0,
        "description": "Seconds after which the call is ended; the server has a limit of its own",
    });
    properties["pool"] = json!({
        "type": "string",
        "description": "The pool of workers that runs it, if the server has several",
    });
}

fn arguments(properties: &Value, required: &str) -> Value {
    json!({
        "type": "object",
        "properties": properties,
        "required": [required],
        "additionalProperties": false,
    })
}

fn tool(
    name: impl Into<Cow<'static, str>>,
    description: impl Into<Cow<'static, str>>,
    schema: Value,
) -> Tool {
    let Value::Object(schema) = schema else { unreachable!("schemas are written as objects") };
    let schema: JsonObject = schema;
    Tool::new(name, description, schema)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("/words", "words")]
    #[case("/v1/audio/speech", "v1_audio_speech")]
    #[case("/say/{voice}", "say_voice")]
    #[case("/files/{*rest}", "files_rest")]
    #[case("/", "index")]
    fn a_tool_is_named_after_the_path(#[case] path: &str, #[case] expected: &str) {
        assert_eq!(words(path), expected);
    }

    #[test]
    fn no_two_tools_have_one_name() {
        let long = format!("/{}", "x".repeat(80));
        let paths = ["/a/b", "/a_b", "/a/b/2", "/a_b_2", "/run/python", &long, &long];
        let xs = "x".repeat(64);
        let expected =
            ["a_b", "a_b_2", "a_b_2_2", "a_b_2_3", "run_python_2", &xs, &format!("{}_2", &xs[2..])];
        assert_eq!(names(paths.into_iter()), expected);
    }

    #[test]
    fn what_an_endpoint_takes_is_a_schema() {
        let described = json!({
            "parameters": [
                { "name": "voice", "required": true, "is_file": false, "schema": { "type": "string" } },
                { "name": "sample", "required": false, "is_file": true, "schema": {} },
            ],
            "takes_others": false,
        });
        let expected = json!({
            "type": "object",
            "properties": {
                "voice": { "type": "string" },
                "sample": {
                    "type": "string",
                    "contentEncoding": "base64",
                    "description": "The bytes of a file, in base64",
                },
            },
            "required": ["voice"],
            "additionalProperties": false,
        });
        assert_eq!(schema(&described), expected);
    }
}
