//! What makes two calls the same one, for whoever has confirmed it.

use std::borrow::Cow;
use std::fmt;
use std::hash::{BuildHasher as _, Hash, Hasher, RandomState};
use std::num::ParseIntError;
use std::str::FromStr;

use owt_core::{Envelope, Field};
use url::form_urlencoded;

/// A hash of all that decides what a call does: its path, code, function, arguments and options, and those
/// fields of the query that are its handler's. Its key differs from server to server, so that nobody
/// can look for two calls that share one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct CallKey(u64);

/// Makes the keys of one server.
#[derive(Debug, Default)]
pub(super) struct Keys(RandomState);

impl Keys {
    pub(super) fn of(&self, path: &str, query: &str, envelope: &Envelope) -> CallKey {
        // Whoever adds a field decides here whether it changes what a call does.
        let Envelope {
            code,
            kwargs,
            fn_name,
            use_cache,
            cache_kwargs,
            cache_key_override,
            reload,
            pool,
            lock,
            name,
            timeout,
            retry,
            keep_alive,
            near_misses: _,
        } = envelope;
        let mut hasher = self.0.build_hasher();
        (path, code.digest(), kwargs, fn_name, reload, pool, lock).hash(&mut hasher);
        (use_cache, cache_kwargs, cache_key_override).hash(&mut hasher);
        (timeout, retry, keep_alive).hash(&mut hasher);
        let mut names: Vec<_> = names(query).collect();
        if names.is_empty() {
            names.extend(name.as_ref().map(|name| Cow::from(name.as_str())));
        }
        names.hash(&mut hasher);
        own_fields(query).for_each(|field| field.hash(&mut hasher));
        CallKey(hasher.finish())
    }
}

impl fmt::Display for CallKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for CallKey {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, ParseIntError> {
        text.parse().map(Self)
    }
}

impl CallKey {
    pub(super) fn to_bits(self) -> u64 {
        self.0
    }
}

/// The fields of a query that are none of the envelope's, as they were sent.
pub(super) fn own_fields(query: &str) -> impl Iterator<Item = &str> {
    fields(query).filter(|field| Field::from_name(name_of(field)).is_none())
}

/// The names in a query, whole. To the envelope, one is that of a file; the handler of a link may have an
/// argument of that name.
pub(super) fn names(query: &str) -> impl Iterator<Item = Cow<'_, str>> {
    // Only what may be one is decoded: code is long.
    let fields = fields(query).filter(|field| {
        let name = name_of(field);
        name == Field::Name.name() || name.contains('%')
    });
    let decoded = fields.flat_map(|field| form_urlencoded::parse(field.as_bytes()));
    decoded.filter(|(name, _)| name == Field::Name.name()).map(|(_, value)| value)
}

fn fields(query: &str) -> impl Iterator<Item = &str> {
    query.split('&').filter(|field| !field.is_empty())
}

/// The name of a field, as it was sent.
fn name_of(field: &str) -> &str {
    field.split_once('=').map_or(field, |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("", &[])]
    #[case("code_b64=cnVu&names=1&=name", &[])]
    #[case("name", &[""])]
    #[case("name=a+b%26c&code_b64=cnVu&name=", &["a b&c", ""])]
    #[case("&na%6De=%C3%A4&%6eame=x&n%61mes=y", &["ä", "x"])]
    fn names_are_found_however_they_are_written(#[case] query: &str, #[case] expected: &[&str]) {
        assert_eq!(names(query).collect::<Vec<_>>(), expected);
    }

    const QUERY: &str = "code_b64=cnVu&kwargs_b64={'a':1}&mine=1&yours=2";

    #[rstest]
    #[case::itself("/a", QUERY, true)]
    #[case::order_of_the_envelope("/a", "mine=1&kwargs_b64={'a':1}&yours=2&code_b64=cnVu", true)]
    #[case::another_spelling(
        "/a",
        "code_b64=cnVu%3D%3D&kwargs_b64=eydhJzoxfQ&mine=1&yours=2",
        true
    )]
    #[case::by_its_digest(
        "/a",
        "code_sha256=acba25512100f80b56fc3ccd14c65be55d94800cda77585c5f41a887e398f9be&kwargs_b64={'a':1}&mine=1&yours=2",
        true
    )]
    #[case::path("/b", QUERY, false)]
    #[case::name("/a", "name=Ada&code_b64=cnVu&kwargs_b64={'a':1}&mine=1&yours=2", false)]
    #[case::time("/a", "timeout=1&code_b64=cnVu&kwargs_b64={'a':1}&mine=1&yours=2", false)]
    #[case::retry("/a", "retry=1&code_b64=cnVu&kwargs_b64={'a':1}&mine=1&yours=2", false)]
    #[case::keep_alive("/a", "keep_alive=9&code_b64=cnVu&kwargs_b64={'a':1}&mine=1&yours=2", false)]
    #[case::code("/a", "code_b64=cnV1&kwargs_b64={'a':1}&mine=1&yours=2", false)]
    #[case::arguments("/a", "code_b64=cnVu&kwargs_b64={'a':2}&mine=1&yours=2", false)]
    #[case::no_arguments("/a", "code_b64=cnVu&mine=1&yours=2", false)]
    #[case::function("/a", "code_b64=cnVu&kwargs_b64={'a':1}&fn_name=f&mine=1&yours=2", false)]
    #[case::cache("/a", "code_b64=cnVu&kwargs_b64={'a':1}&use_cache=1&mine=1&yours=2", false)]
    #[case::lock("/a", "code_b64=cnVu&kwargs_b64={'a':1}&lock_b64=YQ&mine=1&yours=2", false)]
    #[case::pool("/a", "code_b64=cnVu&kwargs_b64={'a':1}&pool=gpu&mine=1&yours=2", false)]
    #[case::reload("/a", "code_b64=cnVu&kwargs_b64={'a':1}&reload=1&mine=1&yours=2", false)]
    #[case::fields_of_the_handler("/a", "code_b64=cnVu&kwargs_b64={'a':1}&mine=2&yours=2", false)]
    #[case::their_order("/a", "code_b64=cnVu&kwargs_b64={'a':1}&yours=2&mine=1", false)]
    fn two_calls_are_the_same_if_they_do_the_same(
        #[case] path: &str,
        #[case] query: &str,
        #[case] is_same: bool,
    ) {
        let keys = Keys::default();
        let key =
            |path, query| keys.of(path, query, &Envelope::from_query(query).unwrap().unwrap());
        assert_eq!(key("/a", QUERY) == key(path, query), is_same);
    }
    /// What was called by a program, with the file's name in the body, is known when its link is opened.
    #[rstest]
    #[case::of_the_same_file("name=ada.py&code_b64=cnVu", true)]
    #[case::in_another_spelling("name=ada%2Epy&code_b64=cnVu", true)]
    #[case::of_another_file("name=x;id;.py&code_b64=cnVu", false)]
    #[case::of_two("name=ada.py&name=x;id;.py&code_b64=cnVu", false)]
    #[case::of_none("code_b64=cnVu", false)]
    fn the_file_of_a_body_is_that_of_a_link(#[case] link: &str, #[case] is_same: bool) {
        let keys = Keys::default();
        let body = Envelope::from_query("code_b64=cnVu&name=ada.py").unwrap().unwrap();
        let opened = Envelope::from_query(link).unwrap_or_default().unwrap_or(body.clone());
        assert_eq!(keys.of("/", "", &body) == keys.of("/", link, &opened), is_same);
    }
}
