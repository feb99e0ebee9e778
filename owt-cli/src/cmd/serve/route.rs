//! A named endpoint as `--route` takes it, `GET,PUT /path=FILE:function`, and as a table of `owt.toml`
//! has it.

use std::path::PathBuf;

use owt_core::envelope::DEFAULT_FN_NAME;
use owt_server::RouteConfig;

use crate::args::value;

/// The keys of a table; `file` has to be there.
pub(crate) const KEYS: [&str; 7] =
    ["file", "function", "methods", "pool", "keep_alive", "timeout", "use_cache"];

/// The methods that there are (RFC 9110, and PATCH of RFC 5789).
const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

const HOW: &str = "write it as /path=FILE, or 'GET,POST /path=FILE:function'";

/// Reads a named endpoint. The other keys of a table follow the file as a query: `?timeout=30&pool=gpu`.
pub(super) fn route(text: &str) -> Result<RouteConfig, String> {
    let (methods, rest) = match text.trim().split_once(' ') {
        Some((methods, rest)) if !methods.starts_with('/') => (Some(methods), rest.trim()),
        _ => (None, text.trim()),
    };
    let (path, target) = rest.split_once('=').ok_or(HOW)?;
    let (target, keys) = target.split_once(QUERY).unwrap_or((target, ""));
    let (file, fn_name) = match target.rsplit_once(':') {
        Some((file, name)) if is_identifier(name) => (file, name),
        _ => (target, DEFAULT_FN_NAME),
    };
    if !path.starts_with('/') || file.is_empty() {
        return Err(HOW.to_owned());
    }
    let mut route = RouteConfig {
        path: path.to_owned(),
        methods: RouteConfig::METHODS.map(str::to_owned).to_vec(),
        file: PathBuf::from(file),
        fn_name: fn_name.to_owned(),
        pool: None,
        keep_alive: None,
        timeout: None,
        use_cache: false,
        text: text.to_owned(),
    };
    if let Some(methods) = methods {
        set(&mut route, "methods", methods)?;
    }
    for setting in keys.split(AND).filter(|setting| !setting.is_empty()) {
        let (key, value) = setting.split_once('=').ok_or(HOW)?;
        set(&mut route, key, value)?;
    }
    Ok(route)
}

/// What is before the keys, and between them.
const QUERY: char = '?';
const AND: char = '&';

/// The text of an endpoint with these keys, as [`route`] reads it.
pub(crate) fn to_text(path: &str, keys: &[(String, String)]) -> Result<String, String> {
    let value = |name: &str| keys.iter().find(|(key, _)| key == name).map(|(_, value)| value);
    let file = value("file").ok_or_else(|| "there is no file".to_owned())?;
    let function = value("function").map(|name| format!(":{name}")).unwrap_or_default();
    let others = keys.iter().filter(|(key, _)| !matches!(key.as_str(), "file" | "function"));
    let others: Vec<_> = others.map(|(key, value)| format!("{key}={value}")).collect();
    let query =
        if others.is_empty() { String::new() } else { format!("{QUERY}{}", others.join("&")) };
    Ok(format!("{path}={file}{function}{query}"))
}

fn set(route: &mut RouteConfig, key: &str, value: &str) -> Result<(), String> {
    let wrong = |problem: String| format!("{key}={value}: {problem}");
    match key {
        "methods" => route.methods = methods(value).map_err(wrong)?,
        "pool" => route.pool = Some(value.to_owned()),
        "keep_alive" => {
            route.keep_alive = Some(value.parse().map_err(|err| wrong(format!("it {err}")))?);
        }
        "timeout" => route.timeout = Some(value::lifetime(value).map_err(wrong)?),
        "use_cache" => {
            route.use_cache = value.parse().map_err(|_| wrong("give true or false".to_owned()))?;
        }
        _ => return Err(unknown(key)),
    }
    Ok(())
}

/// The sentence that there is no such key.
pub(crate) fn unknown(key: &str) -> String {
    let like = |name: &&str| (strsim::jaro_winkler(name, key) * 1e6) as u64;
    // The field of a call has another name than the key.
    let field = (key == "fn_name").then_some("function");
    let nearest = field.or(KEYS.into_iter().max_by_key(like)).unwrap_or_default();
    format!("a route has no key {key:?}; did you mean {nearest}? There are {}", KEYS.join(", "))
}

fn methods(text: &str) -> Result<Vec<String>, String> {
    let names = text.split([',', '+']).map(|name| name.trim().to_ascii_uppercase());
    let known = names.map(|name| match METHODS.contains(&name.as_str()) {
        true => Ok(name),
        false => Err(format!("there is no method {name:?}; there are {}", METHODS.join(", "))),
    });
    known.collect()
}

/// Whether a text can be the name of a function in Python: of what is behind a colon, this is what a path
/// of a file is not.
fn is_identifier(text: &str) -> bool {
    let is_start = |c: char| c.is_alphabetic() || c == '_';
    text.chars().next().is_some_and(is_start) && text.chars().all(|c| is_start(c) || c.is_numeric())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use owt_core::KeepAlive;
    use rstest::rstest;

    use super::*;

    fn plain(text: &str, path: &str, file: &str) -> RouteConfig {
        RouteConfig {
            path: path.to_owned(),
            methods: vec!["GET".to_owned(), "POST".to_owned()],
            file: file.into(),
            fn_name: "run".to_owned(),
            pool: None,
            keep_alive: None,
            timeout: None,
            use_cache: false,
            text: text.to_owned(),
        }
    }

    #[rstest]
    #[case("/words=words.py", plain("/words=words.py", "/words", "words.py"))]
    #[case(
        "GET /words=words.py:count",
        RouteConfig {
            methods: vec!["GET".to_owned()],
            fn_name: "count".to_owned(),
            ..plain("GET /words=words.py:count", "/words", "words.py")
        }
    )]
    #[case(
        "put,delete /w/{id}=C:/a=b.py",
        RouteConfig {
            methods: vec!["PUT".to_owned(), "DELETE".to_owned()],
            ..plain("put,delete /w/{id}=C:/a=b.py", "/w/{id}", "C:/a=b.py")
        }
    )]
    fn a_route_binds_a_path_to_a_function(#[case] text: &str, #[case] expected: RouteConfig) {
        assert_eq!(route(text), Ok(expected));
    }

    #[test]
    fn a_table_has_more_keys() {
        let keys = [
            ("file", "a.py"),
            ("function", "go"),
            ("methods", "GET"),
            ("pool", "gpu"),
            ("keep_alive", "5m"),
            ("timeout", "30"),
            ("use_cache", "true"),
        ];
        let keys = keys.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let text = to_text("/a", &keys).unwrap();
        let expected = RouteConfig {
            methods: vec!["GET".to_owned()],
            fn_name: "go".to_owned(),
            pool: Some("gpu".to_owned()),
            keep_alive: Some(KeepAlive::For(Duration::from_secs(300))),
            timeout: Some(Duration::from_secs(30)),
            use_cache: true,
            ..plain(&text, "/a", "a.py")
        };
        assert_eq!(route(&text), Ok(expected));
    }

    #[rstest]
    #[case("words.py", HOW)]
    #[case("words=words.py", HOW)]
    #[case("/words=", HOW)]
    #[case(
        "GO /words=words.py",
        "methods=GO: there is no method \"GO\"; there are GET, HEAD, POST, PUT, PATCH, DELETE"
    )]
    fn what_is_no_route_is_refused_in_a_sentence(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(route(text), Err(expected.to_owned()));
    }
}
