//! `GET /_owt/openapi.json`: the named endpoints as OpenAPI 3.1 describes them (spec.openapis.org), from the
//! signatures, annotations and docstrings of their functions.

use actix_web::HttpResponse;
use owt_core::{Control, Error, ErrorKind, Executor};
use serde_json::{Map, Value, json};

use super::endpoint::Endpoint;
use crate::front::Front;

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";
const MULTIPART: &str = "multipart/form-data";
const PROBLEM: &str = "application/problem+json";
const TEXT: &str = "text/plain";

/// The errors of owt's own that any endpoint may answer.
const ERRORS: [ErrorKind; 7] = [
    ErrorKind::AuthRequired,
    ErrorKind::BodyTooLarge,
    ErrorKind::Arguments,
    ErrorKind::AdaptorRaised,
    ErrorKind::WorkerDied,
    ErrorKind::QueueFull,
    ErrorKind::Deadline,
];

impl<E: Executor + Control + 'static> Front<E> {
    /// Of an endpoint that cannot be loaded, it says why.
    pub(in crate::front) async fn openapi(&self) -> Result<HttpResponse, Error> {
        let mut paths: Map<String, Value> = Map::new();
        for endpoint in self.state.routes.all() {
            let described = endpoint.description(&*self.executor).await;
            let path = paths.entry(path_template(endpoint.path())).or_insert_with(|| json!({}));
            for method in endpoint.methods() {
                path[method.to_ascii_lowercase()] = match &described {
                    Ok(described) => operation(endpoint, method, described),
                    Err(err) => broken(endpoint, method, err),
                };
            }
        }
        Ok(HttpResponse::Ok().json(document(&Value::Object(paths))))
    }
}

fn document(paths: &Value) -> Value {
    json!({
        "openapi": "3.1.0",
        "info": { "title": "owt", "version": env!("CARGO_PKG_VERSION") },
        "paths": paths,
        "components": {
            "schemas": {
                "Problem": {
                    "type": "object",
                    "description": "An error of the server's own (RFC 9457).",
                    "properties": {
                        "type": { "type": "string" },
                        "title": { "type": "string" },
                        "status": { "type": "integer" },
                        "detail": { "type": "string" },
                    },
                },
            },
        },
    })
}

/// `/files/{*rest}` as OpenAPI writes it, which knows no parts of more than one segment.
fn path_template(path: &str) -> String {
    path.replace("{*", "{")
}

/// An endpoint of which nothing is known but its path.
fn broken(endpoint: &Endpoint, method: &str, err: &Error) -> Value {
    let parameters: Vec<Value> = names_in_path(endpoint.path())
        .iter()
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": {} }))
        .collect();
    json!({
        "operationId": operation_id(endpoint.path(), method),
        "description": format!("It cannot be called: {}", err.sentence()),
        "parameters": parameters,
        "responses": responses(&Value::Null),
    })
}

fn operation(endpoint: &Endpoint, method: &str, described: &Value) -> Value {
    let doc = described["doc"].as_str().unwrap_or_default();
    let (summary, rest) = doc.split_once('\n').unwrap_or((doc, ""));
    let in_path = names_in_path(endpoint.path());
    let has_body = !matches!(method, "GET" | "HEAD" | "DELETE");
    let all = described["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
    let name_of = |parameter: &Value| parameter["name"].as_str().unwrap_or_default().to_owned();
    let parameters: Vec<Value> = all
        .iter()
        .filter_map(|parameter| {
            let name = name_of(parameter);
            let is_in_path = in_path.contains(&name);
            let is_file = parameter["is_file"] == true;
            let place = if is_in_path { "path" } else { "query" };
            let is_there = is_in_path || (!has_body && !is_file);
            let is_required = is_in_path || parameter["required"] == true;
            let schema = &parameter["schema"];
            is_there.then(
                || json!({ "name": name, "in": place, "required": is_required, "schema": schema }),
            )
        })
        .collect();
    let in_body: Vec<&Value> =
        all.iter().filter(|parameter| !in_path.contains(&name_of(parameter))).collect();
    let mut operation = json!({
        "operationId": operation_id(endpoint.path(), method),
        "parameters": parameters,
        "responses": responses(&described["returns"]),
    });
    if !summary.is_empty() {
        operation["summary"] = summary.into();
    }
    if !rest.trim().is_empty() {
        operation["description"] = rest.trim().into();
    }
    if has_body && (!in_body.is_empty() || described["takes_others"] == true) {
        operation["requestBody"] = request_body(&in_body, described["takes_others"] == true);
    }
    operation
}

/// The names of the parts of a path that are arguments.
pub(in crate::front) fn names_in_path(path: &str) -> Vec<String> {
    let parts = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    parts.map(|name| name.trim_start_matches('*').to_owned()).collect()
}

/// `GET /say/{voice}` as a name: `getSayVoice`.
fn operation_id(path: &str, method: &str) -> String {
    let words = path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.fold(method.to_ascii_lowercase(), |id, word| {
        let (first, rest) = word.split_at(1);
        format!("{id}{}{rest}", first.to_ascii_uppercase())
    })
}

fn request_body(parameters: &[&Value], takes_others: bool) -> Value {
    let name = |parameter: &Value| parameter["name"].as_str().unwrap_or_default().to_owned();
    let properties: Map<String, Value> =
        parameters.iter().map(|parameter| (name(parameter), parameter["schema"].clone())).collect();
    let required: Vec<String> = parameters
        .iter()
        .filter(|parameter| parameter["required"] == true)
        .map(|parameter| name(parameter))
        .collect();
    let mut schema = json!({
        "type": "object",
        "properties": properties,
        "additionalProperties": takes_others,
    });
    if !required.is_empty() {
        schema["required"] = required.clone().into();
    }
    let has_files = parameters.iter().any(|parameter| parameter["is_file"] == true);
    let types: &[&str] = if has_files { &[MULTIPART] } else { &[JSON, FORM, MULTIPART] };
    let content: Map<String, Value> = types
        .iter()
        .map(|media_type| ((*media_type).to_owned(), json!({ "schema": schema })))
        .collect();
    json!({ "required": !required.is_empty(), "content": content })
}

fn responses(returned: &Value) -> Value {
    let media_type = returned["type"].as_str().unwrap_or("*/*");
    let schema = if returned.is_null() { json!({}) } else { returned["schema"].clone() };
    let mut responses = json!({
        "200": { "description": "The reply", "content": { media_type: { "schema": schema } } },
    });
    for kind in ERRORS {
        let content = json!({
            PROBLEM: { "schema": { "$ref": "#/components/schemas/Problem" } },
            TEXT: { "schema": { "type": "string" } },
        });
        responses[kind.status().to_string()] =
            json!({ "description": kind.code(), "content": content });
    }
    responses
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("/words", "GET", "getWords")]
    #[case("/say/{voice}", "POST", "postSayVoice")]
    #[case("/v1/audio/speech", "POST", "postV1AudioSpeech")]
    #[case("/files/{*rest}", "GET", "getFilesRest")]
    fn an_operation_has_a_name(#[case] path: &str, #[case] method: &str, #[case] expected: &str) {
        assert_eq!(operation_id(path, method), expected);
    }

    #[test]
    fn a_part_of_the_path_is_a_parameter_of_its_own() {
        assert_eq!(names_in_path("/a/{b}/{*c}"), ["b", "c"]);
        assert_eq!(path_template("/a/{b}/{*c}"), "/a/{b}/{c}");
    }
}
