//! What is wrong with named endpoints, said in the log when the server starts: who has misspelt a function
//! should not learn it from the first who calls.

use owt_core::{Control, Executor};
use serde_json::Value;

use super::endpoint::{Endpoint, in_a_line};
use super::openapi::names_in_path;
use crate::front::Front;

impl<E: Executor + Control + 'static> Front<E> {
    /// Has each endpoint loaded, and warns of those that cannot be called.
    pub(crate) async fn check_endpoints(self) {
        for endpoint in self.state.routes.all() {
            let problems = match endpoint.description(&*self.executor).await {
                Ok(description) => unknown_parts(endpoint, &description),
                // That says nothing of the endpoint.
                Err(err) if err.status() == 503 => Vec::new(),
                Err(err) => vec![in_a_line(&err.sentence())],
            };
            for problem in problems {
                tracing::warn!("{}: {problem}", endpoint.path());
            }
        }
    }
}

/// The parts of a path that no parameter of its function takes.
fn unknown_parts(endpoint: &Endpoint, description: &Value) -> Vec<String> {
    if description["takes_others"] == true {
        return Vec::new();
    }
    let parameters = description["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
    let is_known = |name: &str| parameters.iter().any(|parameter| parameter["name"] == name);
    let unknown = names_in_path(endpoint.path()).into_iter().filter(|name| !is_known(name));
    unknown.map(|name| format!("the function has no parameter {name:?} for {{{name}}}")).collect()
}
