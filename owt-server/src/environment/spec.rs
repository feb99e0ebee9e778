//! What an environment is made of, and the key under which it is kept: whatever may change what is
//! installed is in the key.

use std::fmt;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::script::Script;

/// Bytes of the digest that name an environment.
const KEY_LEN: usize = 16;

/// The name of an environment: hexadecimal digits, and nothing else.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Key([u8; KEY_LEN]);

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Key {
    /// Its beginning, which tells people which it is.
    pub(crate) fn short(&self) -> String {
        self.to_string()[..12].to_owned()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Key {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let is_hex = text.len() == 2 * KEY_LEN
            && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        let mut key = [0; KEY_LEN];
        for (at, byte) in key.iter_mut().enumerate().filter(|_| is_hex) {
            *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).map_err(|_| ())?;
        }
        is_hex.then_some(Self(key)).ok_or(())
    }
}

/// What is the same for all environments of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Base {
    /// The server's own Python, and its version.
    pub(crate) python: PathBuf,
    pub(crate) version: String,
    /// What `uv` is told of indexes and versions from outside of the code.
    pub(crate) settings: String,
}

/// What one environment is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Spec {
    pub(super) script: Script,
    pub(super) lock: Option<Arc<str>>,
    base: Arc<Base>,
}

/// The Python that an environment is made of.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Python<'a> {
    /// The server's own.
    Own(&'a Path),
    /// One of these versions.
    Other(String),
}

impl Spec {
    pub(crate) fn new(script: Script, lock: Option<Arc<str>>, base: Arc<Base>) -> Self {
        Self { script, lock, base }
    }

    pub(crate) fn key(&self) -> Key {
        let Base { python, version, settings } = &*self.base;
        let python = python.to_string_lossy();
        let lock = self.lock.as_deref().unwrap_or_default();
        let mut hash = Sha256::new();
        for part in [&*self.text(), lock, &*python, version, settings] {
            // With their lengths, so that nothing can move from one part to the next.
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        let (key, _) = hash
            .finalize()
            .split_first_chunk()
            .map(|(key, rest)| (*key, rest.len()))
            .expect("a SHA-256 is longer");
        Key(key)
    }

    /// The Python to make it of: the server's own if that will do, and else what `uv` finds.
    pub(super) fn python(&self) -> Python<'_> {
        match &self.script.requires_python {
            Some(versions) if !self.script.accepts(&self.base.version) => {
                Python::Other(versions.to_string())
            }
            _ => Python::Own(&self.base.python),
        }
    }

    /// How many bytes it takes, about.
    pub(crate) fn size(&self) -> usize {
        let lock = self.lock.as_ref().map_or(0, |lock| lock.len());
        self.text().len() + size_of_val(self.dependencies()) + lock
    }

    pub(crate) fn dependencies(&self) -> &[String] {
        &self.script.dependencies
    }

    /// The block alone, written anew: nothing that a client sent reaches `uv` as it stands.
    pub(super) fn text(&self) -> String {
        let Script { requires_python, dependencies, uv, .. } = &self.script;
        let mut text = String::from("# /// script\n");
        if let Some(specifiers) = requires_python {
            let _ = writeln!(text, "# requires-python = {}", quoted(&specifiers.to_string()));
        }
        let _ = writeln!(text, "# dependencies = [");
        for dependency in dependencies {
            let _ = writeln!(text, "#   {},", quoted(dependency));
        }
        let _ = writeln!(text, "# ]");
        if !uv.is_empty() {
            let _ = writeln!(text, "# [tool.uv]");
        }
        for (key, value) in uv {
            let _ = writeln!(text, "# {key} = {}", quoted(value));
        }
        text + "# ///\n"
    }
}

/// A string of TOML: what JSON writes of a text without control characters is one.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn base() -> Base {
        Base { python: "/python".into(), version: "3.11.2".to_owned(), settings: String::new() }
    }

    fn spec(toml: &str, lock: Option<&str>, base: Base) -> Spec {
        let lines: String = toml.lines().map(|line| format!("# {line}\n")).collect();
        let script = Script::of(&format!("# /// script\n{lines}# ///\n")).unwrap().unwrap();
        Spec::new(script, lock.map(Arc::from), Arc::new(base))
    }

    const TOML: &str = "dependencies = ['idna<3.5', 'six; python_version < \"4\"']\n\
                        requires-python = '>=3.11'\n[tool.uv]\nexclude-newer = '2026-01-01'";

    #[test]
    fn the_block_is_written_anew_and_means_the_same() {
        let spec = spec(TOML, None, base());
        assert_eq!(
            spec.text(),
            "# /// script\n# requires-python = \">=3.11\"\n# dependencies = [\n#   \"idna<3.5\",\n\
             #   \"six ; python_version < \\\"4\\\"\",\n# ]\n# [tool.uv]\n\
             # exclude-newer = \"2026-01-01\"\n# ///\n"
        );
        assert_eq!(Script::of(&spec.text()), Ok(Some(spec.script)));
    }

    #[test]
    fn whatever_changes_what_is_installed_changes_the_key() {
        let other = |change: fn(&mut Base)| {
            let mut changed = base();
            change(&mut changed);
            spec(TOML, None, changed)
        };
        let specs = [
            spec(TOML, None, base()),
            spec(&TOML.replace("3.5", "3.6"), None, base()),
            spec(&TOML.replace(">=3.11", ">=3.12"), None, base()),
            spec(&TOML.replace("2026", "2025"), None, base()),
            spec(TOML, Some("version = 1"), base()),
            other(|base| base.python = "/other".into()),
            other(|base| base.version = "3.11.3".to_owned()),
            other(|base| base.settings = "index".to_owned()),
        ];
        let mut keys: Vec<_> = specs.iter().map(Spec::key).collect();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), specs.len());
    }

    #[test]
    fn order_and_spelling_do_not_change_the_key() {
        let one = spec("dependencies = ['six', 'idna <3.5']", None, base());
        let other = spec(
            "dependencies = [\n'idna<3.5',\n'six', # twice\n'six']\n[tool.owt]\npool = 'x'",
            None,
            base(),
        );
        assert_eq!(one.key(), other.key());
    }

    #[test]
    fn the_servers_own_python_is_taken_where_it_will_do() {
        let is_own = |toml| spec(toml, None, base()).python() == Python::Own(Path::new("/python"));
        assert!(is_own("dependencies = ['six']") && is_own("requires-python = '>=3.11'"));
        let other = spec("requires-python = '>=3.12,<4'", None, base());
        assert_eq!(other.python(), Python::Other(">=3.12, <4".to_owned()));
    }

    proptest! {
        #[test]
        fn a_key_is_read_as_it_is_written(bytes in any::<[u8; KEY_LEN]>(), text in "[0-9a-gA/.]{0,34}") {
            prop_assert_eq!(Key(bytes).to_string().parse(), Ok(Key(bytes)));
            prop_assert_eq!(text.parse::<Key>().map(|key| key.to_string()).unwrap_or(text.clone()), text);
        }
    }
}
