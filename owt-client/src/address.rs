//! The URLs under a server's base.

/// A path and query under an absolute base, whose own path and query come before them.
pub(crate) fn join(base: &str, path: &str) -> String {
    let (base, base_query) = split(base);
    let (path, query) = split(path);
    let url = match path {
        "" => base.to_owned(),
        path => format!("{}/{}", base.trim_end_matches('/'), path.trim_start_matches('/')),
    };
    match [base_query, query].map(|query| query.trim_end_matches('&')) {
        ["", ""] => url,
        ["", query] | [query, ""] => format!("{url}?{query}"),
        [first, second] => format!("{url}?{first}&{second}"),
    }
}

/// What may be shown of an absolute base: neither credentials nor a query.
pub(crate) fn shown(base: &str) -> String {
    let (base, _) = split(base);
    let (scheme, rest) = base.split_once("://").unwrap_or(("http", base));
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    format!("{scheme}://{host}{path}")
}

fn split(url: &str) -> (&str, &str) {
    url.split_once('?').unwrap_or((url, ""))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("http://host/", "", "http://host/")]
    #[case("http://host/", "a/b.wav", "http://host/a/b.wav")]
    #[case("http://host/a", "b", "http://host/a/b")]
    #[case("http://host/a/", "/b/", "http://host/a/b/")]
    #[case("http://host/a?x=1", "b?y=2", "http://host/a/b?x=1&y=2")]
    #[case("http://host/a?x=1&", "?y=2", "http://host/a?x=1&y=2")]
    #[case("http://host/a?x=1", "", "http://host/a?x=1")]
    #[case("http://host/", "b?y=2", "http://host/b?y=2")]
    fn a_path_is_under_its_base(#[case] base: &str, #[case] path: &str, #[case] url: &str) {
        assert_eq!(join(base, path), url);
    }

    #[rstest]
    #[case("http://me:secret@host:1/a?code_b64=secret", "http://host:1/a")]
    #[case("http://me:sec@ret@[::1]/?secret", "http://[::1]/")]
    #[case("https://host/a", "https://host/a")]
    fn secrets_of_a_base_are_not_shown(#[case] base: &str, #[case] expected: &str) {
        assert_eq!(shown(base), expected);
    }
}
