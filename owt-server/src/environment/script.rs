//! What the metadata block of an adaptor says (PEP 723): its Python, its packages, and where it runs.

use std::str::FromStr;

use owt_core::KeepAlive;
use pep440_rs::{Version, VersionSpecifiers};
use toml::{Table, Value};

use super::block::{self, Repeated};
use super::requirement::{RequirementError, requirement};

/// More packages than any adaptor names itself, and few enough for the resolver.
const MAX_DEPENDENCIES: usize = 1000;

/// The most bytes of a block.
const MAX_BLOCK: usize = 256 << 10;

/// How much of what a client sent is quoted.
const MAX_QUOTED: usize = 120;

/// The keys of `[tool.owt]`. `thread` is for the worker, which reads it itself.
const OWT_KEYS: [&str; 3] = ["pool", "keep_alive", "thread"];

/// The keys of `[tool.uv]` that are passed on: they say which versions are taken, and nothing else.
///
/// The others are refused. Which indexes there are, and with whose credentials they are asked, is for
/// the owner of the server to say, who has variables and a file of uv for it. With `index`, `sources` or
/// `find-links`, code would send what the server's keyring or netrc holds to wherever it likes, and do so
/// before its call is admitted by a worker. Leaving them out in silence would install other packages than
/// the code was tried with.
const UV_KEYS: [&str; 3] = ["exclude-newer", "prerelease", "resolution"];

/// The metadata of an adaptor.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Script {
    /// Which versions of Python it runs with.
    pub(super) requires_python: Option<VersionSpecifiers>,
    /// The packages that it needs, as PEP 508 writes them, sorted.
    pub(super) dependencies: Vec<String>,
    /// Of [`UV_KEYS`].
    pub(super) uv: Vec<(&'static str, String)>,
    /// The pool that its calls are for.
    pool: Option<String>,
    /// How long it stays loaded without a call.
    keep_alive: Option<KeepAlive>,
}

/// Why a block cannot be used. The texts end a sentence that begins with "The metadata block".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ScriptError {
    #[error("is there more than once")]
    Repeated,
    #[error("has {0} bytes, and at most {MAX_BLOCK} are allowed")]
    TooLong(usize),
    #[error("is not TOML: {0}")]
    NotToml(String),
    #[error("has {key}, which is not {expected}")]
    WrongType { key: &'static str, expected: &'static str },
    #[error("has requires-python = {text:?}, which is no version specifier: {problem}")]
    NotAVersion { text: String, problem: String },
    #[error("names {0} dependencies, and at most {MAX_DEPENDENCIES} are allowed")]
    TooMany(usize),
    #[error("names the dependency {text:?}, which {problem}")]
    NotARequirement { text: String, problem: RequirementError },
    #[error("has an unknown key {key} in [tool.owt]; did you mean {meant}?")]
    UnknownKey { key: String, meant: &'static str },
    #[error(
        "has {0} in [tool.uv], which is for whoever runs this server to set, with the variables of uv or \
         in its uv.toml"
    )]
    UvKey(String),
}

impl Script {
    /// The metadata of a source, if it has any.
    pub(crate) fn of(source: &str) -> Result<Option<Self>, ScriptError> {
        let block = block::find(source).map_err(|_: Repeated| ScriptError::Repeated)?;
        let Some(block) = block else { return Ok(None) };
        if block.len() > MAX_BLOCK {
            return Err(ScriptError::TooLong(block.len()));
        }
        let table =
            Table::from_str(&block).map_err(|err| ScriptError::NotToml(quoted(err.message())))?;
        let owt = owt(&table)?;
        Ok(Some(Self {
            requires_python: requires_python(&table)?,
            dependencies: dependencies(&table)?,
            uv: uv(&table)?,
            pool: owt.and_then(|owt| owt.get("pool")).map(pool).transpose()?,
            keep_alive: owt.and_then(|owt| owt.get("keep_alive")).map(keep_alive).transpose()?,
        }))
    }

    /// The pool that its calls are for, if it names one.
    pub(crate) fn pool(&self) -> Option<&str> {
        self.pool.as_deref()
    }

    /// How long it stays loaded without a call, if it says so.
    pub(crate) fn keep_alive(&self) -> Option<KeepAlive> {
        self.keep_alive
    }

    /// Whether the environment of the server will not do.
    pub(crate) fn needs_environment(&self) -> bool {
        self.requires_python.is_some() || !self.dependencies.is_empty()
    }

    /// Whether it runs with this version of Python.
    pub(super) fn accepts(&self, python: &str) -> bool {
        let Some(specifiers) = &self.requires_python else { return true };
        Version::from_str(python).is_ok_and(|version| specifiers.contains(&version))
    }
}

fn requires_python(table: &Table) -> Result<Option<VersionSpecifiers>, ScriptError> {
    let Some(value) = table.get("requires-python") else { return Ok(None) };
    let text = text("requires-python", value)?;
    let specifiers = VersionSpecifiers::from_str(text).map_err(|err| ScriptError::NotAVersion {
        text: quoted(text),
        problem: quoted(&err.to_string()),
    })?;
    Ok(Some(specifiers))
}

/// Sorted, so that the order makes no other environment.
fn dependencies(table: &Table) -> Result<Vec<String>, ScriptError> {
    let Some(value) = table.get("dependencies") else { return Ok(Vec::new()) };
    let wrong = ScriptError::WrongType { key: "dependencies", expected: "a list of text" };
    let Value::Array(list) = value else { return Err(wrong) };
    if list.len() > MAX_DEPENDENCIES {
        return Err(ScriptError::TooMany(list.len()));
    }
    let texts: Option<Vec<_>> = list.iter().map(Value::as_str).collect();
    let parsed = texts.ok_or(wrong)?.into_iter().map(|text| {
        requirement(text)
            .map_err(|problem| ScriptError::NotARequirement { text: quoted(text), problem })
    });
    let mut parsed = parsed.collect::<Result<Vec<_>, _>>()?;
    parsed.sort();
    parsed.dedup();
    Ok(parsed)
}

fn tool<'a>(table: &'a Table, name: &'static str) -> Result<Option<&'a Table>, ScriptError> {
    let wrong = |key| ScriptError::WrongType { key, expected: "a table" };
    let Some(tools) = table.get("tool") else { return Ok(None) };
    let tools = tools.as_table().ok_or(wrong("tool"))?;
    tools.get(name).map(|tool| tool.as_table().ok_or(wrong("tool"))).transpose()
}

/// The table `[tool.owt]`, of which all keys are known.
fn owt(table: &Table) -> Result<Option<&Table>, ScriptError> {
    let owt = tool(table, "owt")?;
    let keys = owt.into_iter().flat_map(Table::keys);
    match keys.into_iter().find(|key| !OWT_KEYS.contains(&key.as_str())) {
        Some(key) => {
            let meant = OWT_KEYS
                .iter()
                .max_by(|one, other| strsim::jaro(one, key).total_cmp(&strsim::jaro(other, key)));
            let meant = meant.expect("there are keys");
            Err(ScriptError::UnknownKey { key: quoted(key), meant })
        }
        None => Ok(owt),
    }
}

fn pool(value: &Value) -> Result<String, ScriptError> {
    text("pool", value).map(str::to_owned)
}

/// A text, or a number of seconds.
fn keep_alive(value: &Value) -> Result<KeepAlive, ScriptError> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Integer(seconds) => seconds.to_string(),
        Value::Float(seconds) => seconds.to_string(),
        _ => String::new(),
    };
    let expected = "a length of time such as 0, \"5m\" or \"1h\", or -1 for ever";
    text.parse().map_err(|_| ScriptError::WrongType { key: "keep_alive", expected })
}

fn uv(table: &Table) -> Result<Vec<(&'static str, String)>, ScriptError> {
    let settings = tool(table, "uv")?.into_iter().flatten();
    let pairs = settings.map(|(key, value)| {
        let known = UV_KEYS.into_iter().find(|known| known == key);
        let known = known.ok_or_else(|| ScriptError::UvKey(quoted(key)))?;
        Ok((known, text(known, value)?.to_owned()))
    });
    pairs.collect()
}

fn text<'a>(key: &'static str, value: &'a Value) -> Result<&'a str, ScriptError> {
    let text = value.as_str().filter(|text| !text.chars().any(char::is_control));
    text.ok_or(ScriptError::WrongType { key, expected: "a line of text" })
}

/// The beginning of a text, on one line.
fn quoted(text: &str) -> String {
    text.chars().take(MAX_QUOTED).map(|c| if c == '\n' { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn script(toml: &str) -> String {
        let lines: String = toml.lines().map(|line| format!("# {line}\n")).collect();
        format!("# /// script\n{lines}# ///\n")
    }

    fn read(toml: &str) -> Result<Script, ScriptError> {
        Script::of(&script(toml)).map(|found| found.expect("there is a block"))
    }

    #[test]
    fn a_block_says_which_python_and_which_packages() {
        let toml = "requires-python = '>=3.11'\n\
             dependencies = ['rich[jupyter] >= 13 ; python_version > \"3.10\"', 'requests<3', 'requests <3']\n\
             [tool.uv]\nexclude-newer = '2026-01-01'\n[tool.owt]\npool = 'gpu'\nthread = 'main'\nkeep_alive = '5m'";
        let expected = Script {
            requires_python: Some(VersionSpecifiers::from_str(">=3.11").unwrap()),
            dependencies: vec![
                "requests<3".to_owned(),
                "rich[jupyter]>=13 ; python_version > \"3.10\"".to_owned(),
            ],
            uv: vec![("exclude-newer", "2026-01-01".to_owned())],
            pool: Some("gpu".to_owned()),
            keep_alive: Some(KeepAlive::For(Duration::from_secs(300))),
        };
        let found = read(toml).unwrap();
        assert!(found.needs_environment());
        assert_eq!(found, expected);
    }

    #[rstest]
    #[case("#")]
    #[case("dependencies = []")]
    #[case("[tool.owt]\npool = 'gpu'")]
    fn a_block_may_need_no_environment(#[case] toml: &str) {
        assert!(!read(toml).unwrap().needs_environment());
    }

    #[rstest]
    #[case(None, "3.11.2", true)]
    #[case(Some(">=3.12"), "3.11.2", false)]
    #[case(Some(">=3.12"), "3.13.0", true)]
    #[case(Some("~=3.11.0"), "3.12.1", false)]
    #[case(Some(">=3.11"), "no version", false)]
    fn a_python_is_accepted_by_its_version(
        #[case] wanted: Option<&str>,
        #[case] python: &str,
        #[case] expected: bool,
    ) {
        let requires_python = wanted.map(|text| VersionSpecifiers::from_str(text).unwrap());
        assert_eq!(Script { requires_python, ..Script::default() }.accepts(python), expected);
    }

    #[rstest]
    #[case("dependencies = ", "is not TOML: ")]
    #[case("dependencies = ['a\\nb", "is not TOML: ")]
    #[case("dependencies = 'numpy'", "has dependencies, which is not a list of text")]
    #[case("dependencies = [1]", "has dependencies, which is not a list of text")]
    #[case("requires-python = 3.11", "has requires-python, which is not a line of text")]
    #[case(
        "requires-python = 'new'",
        "has requires-python = \"new\", which is no version specifier: "
    )]
    #[case(
        "dependencies = ['--index-url=http://x']",
        "names the dependency \"--index-url=http://x\", which is no requirement"
    )]
    #[case("dependencies = ['-e .']", "names the dependency \"-e .\", which is no requirement")]
    #[case(
        "dependencies = ['-r /etc/passwd']",
        "names the dependency \"-r /etc/passwd\", which is no requirement"
    )]
    #[case("dependencies = ['./here']", "names the dependency \"./here\", which is no requirement")]
    #[case(
        "dependencies = ['a @ https://x/a.whl']",
        "names the dependency \"a @ https://x/a.whl\", which is named by its address"
    )]
    #[case(
        "dependencies = ['a@file:///a.whl']",
        "names the dependency \"a@file:///a.whl\", which is named by its address"
    )]
    #[case(
        "dependencies = ['a @ git+https://x/a']",
        "names the dependency \"a @ git+https://x/a\", which is named by its address"
    )]
    #[case("dependencies = ['a @ ../a']", "names the dependency \"a @ ../a\"")]
    #[case("dependencies = ['https://x/a.whl']", "names the dependency \"https://x/a.whl\"")]
    #[case("dependencies = [\"a\\nb\"]", "names the dependency \"a b\", which is no requirement")]
    #[case("dependencies = [\"a\\n--index-url=x\"]", "names the dependency \"a --index-url=x\"")]
    #[case("[tool.owt]\npol = 'gpu'", "has an unknown key pol in [tool.owt]; did you mean pool?")]
    #[case("[tool]\nowt = 1", "has tool, which is not a table")]
    #[case("tool = 1", "has tool, which is not a table")]
    #[case(
        "[tool.uv]\nindex-url = 'http://x'",
        "has index-url in [tool.uv], which is for whoever runs this server"
    )]
    #[case("[[tool.uv.index]]\nurl = 'http://x'", "has index in [tool.uv]")]
    #[case("[tool.uv.sources]\na = { path = '../a' }", "has sources in [tool.uv]")]
    #[case("[tool.uv]\nprerelease = true", "has prerelease, which is not a line of text")]
    fn a_broken_block_is_refused_by_name(#[case] toml: &str, #[case] begin: &str) {
        let text = read(toml).unwrap_err().to_string();
        assert!(text.starts_with(begin) && !text.contains('\n'), "{text}");
    }

    #[test]
    fn dependencies_and_bytes_are_bounded() {
        let many = |count| read(&format!("dependencies = [{}]", "'numpy',".repeat(count)));
        assert_eq!(many(MAX_DEPENDENCIES).unwrap().dependencies, ["numpy"]);
        assert_eq!(many(10_000), Err(ScriptError::TooMany(10_000)));
        assert!(matches!(many(100_000), Err(ScriptError::TooLong(_))));
    }

    proptest! {
        #[test]
        fn any_block_is_metadata_or_an_error(toml in "[ -~\n]{0,200}") {
            let _ = Script::of(&script(&toml));
        }
    }
}
