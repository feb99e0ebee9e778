//! Which endpoint a request is for, by its path and its method.

use std::sync::Arc;

use actix_web::http::Method;
use matchit::{InsertError, Router};
use owt_core::Error;
use percent_encoding::percent_decode_str;

use super::config::RouteConfig;
use super::endpoint::Endpoint;
use super::error::RouteError;

/// All named endpoints of a server.
#[derive(Debug, Default)]
pub(crate) struct Routes {
    /// The endpoints of each path.
    paths: Router<Vec<Arc<Endpoint>>>,
    all: Vec<Arc<Endpoint>>,
    /// Whether no other code runs.
    pub(crate) is_only: bool,
}

/// What answers a request.
#[derive(Debug)]
pub(crate) enum Found {
    /// An endpoint, and the parts of the path that are arguments, decoded.
    Endpoint(Arc<Endpoint>, Vec<(String, String)>),
    /// Endpoints of this path answer other methods, which these are.
    OtherMethods(String),
}

impl Routes {
    /// Reads the files of all routes. With `reloads`, they are read again when they change.
    ///
    /// # Errors
    /// When a path cannot be used, is there twice, or a file cannot be read.
    pub(crate) fn open(
        configs: &[RouteConfig],
        is_only: bool,
        reloads: bool,
    ) -> Result<Self, RouteError> {
        let mut all: Vec<Arc<Endpoint>> = Vec::new();
        for config in configs {
            check_path(&config.path)?;
            let same = all.iter().find_map(|other| other.shared_method(config));
            if let Some(method) = same {
                return Err(RouteError::Twice { path: config.path.clone(), method });
            }
            all.push(Arc::new(Endpoint::open(config, reloads)?));
        }
        let mut paths: Router<Vec<Arc<Endpoint>>> = Router::new();
        for endpoint in &all {
            let path = endpoint.path();
            match all.iter().find(|first| first.path() == path) {
                Some(first) if Arc::ptr_eq(first, endpoint) => {
                    let of_path = all.iter().filter(|other| other.path() == path).cloned();
                    paths.insert(path, of_path.collect()).map_err(|err| path_error(path, &err))?;
                }
                _ => {}
            }
        }
        Ok(Self { paths, all, is_only })
    }

    pub(crate) fn all(&self) -> &[Arc<Endpoint>] {
        &self.all
    }

    /// The error of a request that brings no code to a path that is no endpoint's.
    pub(crate) fn missing(&self, path: &str) -> Error {
        let likeness = |endpoint: &&Arc<Endpoint>| strsim::jaro(endpoint.path(), path);
        let nearest =
            self.all.iter().max_by(|one, other| likeness(one).total_cmp(&likeness(other)));
        nearest.map_or(Error::CodeMissing, |endpoint| Error::NoEndpoint {
            nearest: endpoint.path().into(),
        })
    }

    /// The endpoint at a path.
    ///
    /// # Errors
    /// [`Error::EndpointUnknown`] where there is none, and no other code runs.
    pub(crate) fn find(&self, method: &Method, path: &str) -> Result<Option<Found>, Error> {
        let Ok(found) = self.paths.at(path) else {
            return match self.is_only {
                true => Err(Error::EndpointUnknown),
                false => Ok(None),
            };
        };
        let endpoint = found.value.iter().find(|endpoint| endpoint.answers(method));
        let Some(endpoint) = endpoint else {
            return Ok(Some(Found::OtherMethods(allowed(found.value))));
        };
        let decoded = |part| percent_decode_str(part).decode_utf8_lossy().into_owned();
        let parts = found.params.iter().map(|(name, part)| (name.to_owned(), decoded(part)));
        Ok(Some(Found::Endpoint(endpoint.clone(), parts.collect())))
    }
}

/// The methods of a path, as the header `Allow` has them.
fn allowed(endpoints: &[Arc<Endpoint>]) -> String {
    let mut methods: Vec<&str> = endpoints.iter().flat_map(|endpoint| endpoint.methods()).collect();
    if methods.contains(&"GET") && !methods.contains(&"HEAD") {
        methods.push("HEAD");
    }
    methods.push("OPTIONS");
    methods.sort_unstable();
    methods.dedup();
    methods.join(", ")
}

fn check_path(path: &str) -> Result<(), RouteError> {
    let problem =
        |problem: &str| RouteError::Path { path: path.to_owned(), problem: problem.into() };
    if !path.starts_with('/') {
        return Err(problem("it does not begin with a slash"));
    }
    if path == "/_owt" || path.starts_with("/_owt/") {
        return Err(problem("what is under /_owt/ is the server's own"));
    }
    let is_plain = |c: char| c.is_ascii_graphic() && !matches!(c, '?' | '#' | '%' | '"' | '\\');
    match path.chars().all(is_plain) {
        true => Ok(()),
        false => Err(problem("it has signs that are not written so in a URL")),
    }
}

fn path_error(path: &str, err: &InsertError) -> RouteError {
    let problem = match err {
        InsertError::Conflict { with } => format!("it is like that of another route, {with}"),
        _ => "a part that is an argument is written {name}, and is a whole part".to_owned(),
    };
    RouteError::Path { path: path.to_owned(), problem }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use rstest::rstest;
    use tempfile::TempDir;

    use super::*;

    fn route(folder: &Path, path: &str, methods: &[&str]) -> RouteConfig {
        let file = folder.join("a.py");
        fs::write(&file, "def run(): pass").unwrap();
        RouteConfig {
            path: path.to_owned(),
            methods: methods.iter().map(ToString::to_string).collect(),
            file,
            fn_name: "run".to_owned(),
            pool: None,
            keep_alive: None,
            timeout: None,
            use_cache: false,
            text: String::new(),
        }
    }

    /// Routes that are written as `GET,POST /path`.
    fn open(routes: &[&str], is_only: bool) -> Result<Routes, String> {
        let folder = TempDir::new().unwrap();
        let split = |route: &&str| {
            let (methods, path) = route.split_once(' ').unwrap();
            self::route(folder.path(), path, &methods.split(',').collect::<Vec<_>>())
        };
        let configs: Vec<_> = routes.iter().map(split).collect();
        Routes::open(&configs, is_only, false).map_err(|err| err.to_string())
    }

    #[rstest]
    #[case("GET", "/words", "/words GET,POST")]
    #[case("HEAD", "/words", "/words GET,POST")]
    #[case("POST", "/words", "/words GET,POST")]
    #[case("PUT", "/words", "/words PUT")]
    #[case("DELETE", "/words", "405 GET, HEAD, OPTIONS, POST, PUT")]
    #[case("GET", "/words/", "none")]
    #[case("GET", "/say/anna", "/say/{voice} GET voice=anna")]
    #[case("GET", "/say/caf%C3%A9%2Fa", "/say/{voice} GET voice=café/a")]
    #[case("GET", "/say/a/b", "none")]
    #[case("GET", "/say/new", "/say/new GET")]
    #[case("POST", "/say/anna", "405 GET, HEAD, OPTIONS")]
    #[case("GET", "/files/a/b.txt", "/files/{*rest} GET rest=a/b.txt")]
    #[case("GET", "/", "none")]
    fn a_path_and_a_method_have_an_endpoint(
        #[case] method: &str,
        #[case] path: &str,
        #[case] expected: &str,
    ) {
        let routes = open(
            &[
                "GET,POST /words",
                "PUT /words",
                "GET /say/{voice}",
                "GET /say/new",
                "GET /files/{*rest}",
            ],
            false,
        )
        .unwrap();
        let found = match routes.find(&method.parse().unwrap(), path) {
            Ok(Some(Found::Endpoint(endpoint, parts))) => {
                let parts = parts.iter().map(|(name, part)| format!(" {name}={part}"));
                let methods: Vec<_> = endpoint.methods().collect();
                format!("{} {}{}", endpoint.path(), methods.join(","), parts.collect::<String>())
            }
            Ok(Some(Found::OtherMethods(allow))) => format!("405 {allow}"),
            Ok(None) => "none".to_owned(),
            Err(err) => err.code().to_owned(),
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn where_no_other_code_runs_another_path_is_unknown() {
        let routes = open(&["GET /words"], true).unwrap();
        let err = routes.find(&Method::GET, "/other").unwrap_err();
        assert_eq!(err.code(), "endpoint-unknown");
    }

    #[rstest]
    #[case(&["GET words"], "words", "it does not begin with a slash")]
    #[case(&["GET /_owt/x"], "/_owt/x", "what is under /_owt/ is the server's own")]
    #[case(&["GET /a b"], "/a b", "it has signs that are not written so in a URL")]
    #[case(&["GET /{a}", "GET /{b}"], "/{b}", "it is like that of another route, /{a}")]
    #[case(
        &["GET /{a"],
        "/{a",
        "a part that is an argument is written {name}, and is a whole part"
    )]
    fn a_path_that_cannot_be_used_is_refused(
        #[case] routes: &[&str],
        #[case] path: &str,
        #[case] problem: &str,
    ) {
        let expected = format!("the path {path:?} of a route cannot be used: {problem}");
        assert_eq!(open(routes, false).unwrap_err(), expected);
    }

    #[rstest]
    #[case("/cuont", "/count")]
    #[case("/count/", "/count")]
    #[case("/say/anna/x", "/say/{voice}")]
    fn the_nearest_endpoint_is_named(#[case] path: &str, #[case] expected: &str) {
        let folder = TempDir::new().unwrap();
        let paths = ["/count", "/say/{voice}"];
        let configs = paths.map(|path| route(folder.path(), path, &["GET"]));
        let routes = Routes::open(&configs, false, false).unwrap();
        let Error::NoEndpoint { nearest } = routes.missing(path) else { panic!() };
        assert_eq!(&*nearest, expected);
        assert_eq!(Routes::default().missing(path).code(), "code-missing");
    }

    #[test]
    fn no_two_routes_answer_the_same() {
        let err = open(&["GET /a", "POST,GET /a"], false).unwrap_err();
        assert_eq!(err, "two routes answer GET /a");
    }
}
