//! What may be in the lock that comes with an adaptor: the file that `uv lock --script` writes.
//!
//! A lock says where each package is fetched from. Only files of package indexes are, by HTTP: with a
//! path or a repository, a lock from elsewhere would install what happens to be on this machine.

use std::str::FromStr;

use toml::{Table, Value};

/// The most bytes of a lock.
pub(crate) const MAX_LOCK: usize = 4 << 20;

/// Why a lock cannot be used. The texts end a sentence that begins with "The lock".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LockError {
    #[error("has {0} bytes, and at most {MAX_LOCK} are allowed")]
    TooLong(usize),
    #[error("is not what `uv lock --script` writes")]
    NotALock,
    #[error(
        "takes the package {0:?} from elsewhere than a package index: a path, a repository or an address \
         that is not https or http"
    )]
    NotOfAnIndex(String),
}

/// Whether a lock may be used.
pub(crate) fn check(text: &str) -> Result<(), LockError> {
    if text.len() > MAX_LOCK {
        return Err(LockError::TooLong(text.len()));
    }
    let table = Table::from_str(text).map_err(|_| LockError::NotALock)?;
    if !matches!(table.get("version"), Some(Value::Integer(_))) {
        return Err(LockError::NotALock);
    }
    let none = Vec::new();
    let packages = match table.get("package") {
        None => &none,
        Some(packages) => packages.as_array().ok_or(LockError::NotALock)?,
    };
    packages.iter().try_for_each(check_package)
}

fn check_package(package: &Value) -> Result<(), LockError> {
    let name = package.get("name").and_then(Value::as_str).ok_or(LockError::NotALock)?;
    let files = package.get("wheels").and_then(Value::as_array).into_iter().flatten();
    let is_fetched = files.chain(package.get("sdist")).all(|file| is_at(file, "url"));
    match is_fetched && package.get("source").is_some_and(|source| is_at(source, "registry")) {
        true => Ok(()),
        false => Err(LockError::NotOfAnIndex(name.chars().take(100).collect())),
    }
}

/// Whether a table says by one key that it is on a web server, and names no path beside it.
fn is_at(table: &Value, key: &str) -> bool {
    let Some(table) = table.as_table() else { return false };
    let is_elsewhere = ["path", "git", "editable", "directory", "virtual"];
    let address = table.get(key).and_then(Value::as_str).unwrap_or_default();
    let is_web = address.starts_with("https://") || address.starts_with("http://");
    is_web && !is_elsewhere.iter().any(|key| table.contains_key(*key))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn lock(source: &str, wheel: &str) -> String {
        format!(
            "version = 1\nrevision = 5\nrequires-python = '>=3.11'\n[[package]]\nname = 'idna'\n\
             version = '3.4'\nsource = {{ {source} }}\nwheels = [{{ {wheel} }}]\n"
        )
    }

    const INDEX: &str = "registry = 'https://pypi.org/simple'";
    const WHEEL: &str = "url = 'https://files.example/idna.whl', hash = 'sha256:0'";

    #[test]
    fn a_lock_of_an_index_is_used() {
        assert_eq!(check(&lock(INDEX, WHEEL)), Ok(()));
        assert_eq!(check("version = 1"), Ok(()));
    }

    #[rstest]
    #[case("registry = '../wheels'", WHEEL)]
    #[case("registry = '/opt/wheels'", WHEEL)]
    #[case("registry = 'file:///opt/wheels'", WHEEL)]
    #[case("path = '../idna.whl'", WHEEL)]
    #[case("directory = '../../home'", WHEEL)]
    #[case("editable = '.'", WHEEL)]
    #[case("git = 'https://example.com/idna'", WHEEL)]
    #[case("url = 'https://example.com/idna.whl'", WHEEL)]
    #[case(INDEX, "path = '../idna.whl'")]
    #[case(INDEX, "url = 'https://files.example/idna.whl', path = '../idna.whl'")]
    #[case(INDEX, "url = 'file:///idna.whl'")]
    fn a_package_from_elsewhere_is_refused_by_name(#[case] source: &str, #[case] wheel: &str) {
        assert_eq!(check(&lock(source, wheel)), Err(LockError::NotOfAnIndex("idna".to_owned())));
    }

    #[rstest]
    #[case("")]
    #[case("{}")]
    #[case("version = '1'")]
    #[case("version = 1\npackage = 1")]
    #[case("version = 1\n[[package]]\nversion = '1'")]
    fn what_is_no_lock_is_refused(#[case] text: &str) {
        assert_eq!(check(text), Err(LockError::NotALock));
    }

    proptest! {
        #[test]
        fn any_text_is_a_lock_or_refused(text in "[ -~\n]{0,200}") {
            let _ = check(&text);
        }
    }
}
