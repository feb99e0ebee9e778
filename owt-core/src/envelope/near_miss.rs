//! Unknown fields that are probably misspelt fields of the envelope.

use super::{Field, FieldKind};

/// The longest name that is compared.
const MAX_LEN: usize = 24;

/// Other names that people use for a field.
const ALIASES: [(&str, Field); 6] = [
    ("code", Field::CodeB64),
    ("kwargs", Field::KwargsB64),
    ("fn", Field::FnName),
    ("funcname", Field::FnName),
    ("functionname", Field::FnName),
    ("cachekey", Field::CacheKeyOverride),
];

/// A field that owt does not know, and the one that it resembles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NearMiss {
    /// The name that was sent: letters, digits, `_` and `-` only.
    pub given: String,
    /// The name that was probably meant.
    pub meant: &'static str,
}

impl NearMiss {
    /// What is wrong, and what was probably meant, as a warning says it.
    #[must_use]
    pub fn sentence(&self) -> String {
        let NearMiss { given, meant } = self;
        format!("owt has no field {given} and ignores it; did you mean {meant}?")
    }
}

/// The field that an unknown name resembles.
pub(super) fn near_miss(given: &str) -> Option<NearMiss> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if given.len() > MAX_LEN || !given.bytes().all(is_plain) {
        return None;
    }
    let folded = fold(given);
    let names = Field::ALL.iter().filter(|field| field.kind() != FieldKind::FileName);
    let names = names.map(|&field| (field.name(), field));
    let mut near = ALIASES.into_iter().chain(names).filter(|(name, _)| is_near(name, &folded));
    near.next().map(|(_, field)| NearMiss { given: given.to_owned(), meant: field.name() })
}

/// A name without the differences in spelling that do not count.
fn fold(name: &str) -> String {
    name.to_ascii_lowercase().replace(['_', '-'], "").replace("base64", "b64")
}

/// Whether a folded name is a misspelling of another one. The first letter is seldom wrong, and short
/// names have too many neighbours: `mode` is not meant to be `code`.
fn is_near(name: &str, folded: &str) -> bool {
    if name.as_bytes().first() != folded.as_bytes().first() {
        return false;
    }
    let name = fold(name);
    let max_typos = match name.len().max(folded.len()) {
        ..6 => 0,
        6..9 => 1,
        _ => 2,
    };
    strsim::osa_distance(&name, folded) <= max_typos
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("kwargs", "kwargs_b64")]
    #[case("kwarg", "kwargs_b64")]
    #[case("kwargs_base64", "kwargs_b64")]
    #[case("kwargsB64", "kwargs_b64")]
    #[case("code", "code_b64")]
    #[case("Code", "code_b64")]
    #[case("code_64", "code_b64")]
    #[case("code-b64", "code_b64")]
    #[case("code_sha", "")]
    #[case("code_sha512", "")]
    #[case("code_sh256", "code_sha256")]
    #[case("fnname", "fn_name")]
    #[case("fnName", "fn_name")]
    #[case("function_name", "fn_name")]
    #[case("use_cahce", "use_cache")]
    #[case("cache_kwarg", "cache_kwargs")]
    #[case("cache_key", "cache_key_override")]
    #[case("time_out", "timeout")]
    #[case("relaod", "reload")]
    #[case("mode", "")]
    #[case("codec", "")]
    #[case("name", "")]
    #[case("names", "")]
    #[case("username", "")]
    #[case("filename", "")]
    #[case("preload", "")]
    #[case("time", "")]
    #[case("cache", "")]
    #[case("", "")]
    #[case("code\u{1b}b64", "")]
    #[case("cödeb64", "")]
    #[case("a_name_that_is_too_long_to_be_one_of_ours", "")]
    fn a_misspelt_name_is_told_from_another_one(#[case] given: &str, #[case] meant: &str) {
        let found = near_miss(given).map_or("", |near| near.meant);
        assert_eq!(found, meant);
    }
}
