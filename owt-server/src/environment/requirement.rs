//! Reads one dependency: a name, extras, versions and a marker (PEP 508), never an address or an option.
//!
//! `uv` reads it again and has the last word. This lets through only what it cannot take for anything but
//! a package of an index. (The crate `pep508_rs` panics at the name `a_`, and whoever calls must not be
//! able to make this server panic.)

use std::str::FromStr;

use pep440_rs::VersionSpecifiers;

const MAX_LEN: usize = 1000;

/// Why a text is no dependency. The texts follow "the dependency, which".
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RequirementError {
    #[error(
        "is no requirement: a name, versions, and a condition, as in \"pillow>=11; python_version<'3.13'\""
    )]
    Invalid,
    #[error(
        "is named by its address: only packages of this server's package index are installed, so give its \
         name and its version"
    )]
    Address,
}

/// A dependency, in one way of writing it.
pub(super) fn requirement(text: &str) -> Result<String, RequirementError> {
    if text.len() > MAX_LEN || text.chars().any(|c| !matches!(c, ' '..='~')) {
        return Err(RequirementError::Invalid);
    }
    let (package, marker) = text.split_once(';').unwrap_or((text, ""));
    let (name, rest) = name(package.trim())?;
    let (extras, rest) = extras(rest.trim())?;
    if rest.starts_with('@') {
        return Err(RequirementError::Address);
    }
    let versions = VersionSpecifiers::from_str(without_parentheses(rest));
    let versions = versions.map_err(|_| RequirementError::Invalid)?;
    let marker = match marker.trim() {
        "" => String::new(),
        marker => format!(" ; {marker}"),
    };
    Ok(format!("{name}{extras}{versions}{marker}"))
}

/// The name of a package, normalized (PEP 503), and what follows it.
fn name(text: &str) -> Result<(String, &str), RequirementError> {
    let is_in_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let (name, rest) = text.split_at(text.find(|c| !is_in_name(c)).unwrap_or(text.len()));
    let is_end = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    if !is_end(name.chars().next()) || !is_end(name.chars().next_back()) {
        return Err(RequirementError::Invalid);
    }
    let words = name.split(['.', '_', '-']).filter(|word| !word.is_empty());
    Ok((words.collect::<Vec<_>>().join("-").to_ascii_lowercase(), rest))
}

/// What is in brackets, and what follows them.
fn extras(text: &str) -> Result<(String, &str), RequirementError> {
    let Some(inside) = text.strip_prefix('[') else { return Ok((String::new(), text)) };
    let (inside, rest) = inside.split_once(']').ok_or(RequirementError::Invalid)?;
    if inside.trim().is_empty() {
        return Ok((String::new(), rest.trim()));
    }
    let names = inside.split(',').map(|extra| match name(extra.trim())? {
        (name, "") => Ok(name),
        _ => Err(RequirementError::Invalid),
    });
    let mut names = names.collect::<Result<Vec<_>, _>>()?;
    names.sort();
    names.dedup();
    Ok((format!("[{}]", names.join(",")), rest.trim()))
}

fn without_parentheses(text: &str) -> &str {
    text.strip_prefix('(').and_then(|text| text.strip_suffix(')')).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("numpy", "numpy")]
    #[case(" Scikit_Learn ", "scikit-learn")]
    #[case("a.-_b", "a-b")]
    #[case("pillow >= 11, < 13", "pillow>=11, <13")]
    #[case("pillow (>=11)", "pillow>=11")]
    #[case("rich[jupyter , a]>=13", "rich[a,jupyter]>=13")]
    #[case("rich[]", "rich")]
    #[case("a==1.*;python_version<'3.12'", "a==1.* ; python_version<'3.12'")]
    fn a_requirement_is_written_in_one_way(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(requirement(text).as_deref(), Ok(expected));
    }

    #[rstest]
    #[case("")]
    #[case("-e .")]
    #[case("--index-url=x")]
    #[case("a --index-url=x")]
    #[case("a_")]
    #[case("../a")]
    #[case("https://x/a.whl")]
    #[case("a b")]
    #[case("a[b")]
    #[case("a[b c]")]
    #[case("a>=new")]
    #[case("a\n--index-url=x")]
    #[case("a; python_version\n")]
    #[case("\u{e4}")]
    fn what_is_none_is_refused(#[case] text: &str) {
        assert_eq!(requirement(text), Err(RequirementError::Invalid));
    }

    #[rstest]
    #[case("a @ https://x/a.whl")]
    #[case("a@file:///a.whl")]
    #[case("a[b] @ git+https://x/a; python_version>'3'")]
    fn an_address_is_refused(#[case] text: &str) {
        assert_eq!(requirement(text), Err(RequirementError::Address));
    }

    proptest! {
        #[test]
        fn any_text_is_a_requirement_of_an_index_or_refused(
            text in prop_oneof![any::<String>(), "[a-zA-Z0-9_.@\\[\\](),;<>=!~ '\"*+/:-]{0,24}"],
        ) {
            if let Ok(found) = requirement(&text) {
                let package = found.split(';').next().unwrap_or_default();
                prop_assert!(package.starts_with(|first: char| first.is_ascii_alphanumeric()));
                prop_assert!(!package.contains(['@', '/', ':']), "{}", found);
                prop_assert_eq!(requirement(&found), Ok(found));
            }
        }
    }
}
