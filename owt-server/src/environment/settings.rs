//! What whoever runs the server has told `uv`, by variables and in files, of indexes and versions: it is in
//! the key of each environment.

use std::env;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

/// Variables that choose what `uv` installs from where.
const CHOICES: [&str; 18] = [
    "UV_DEFAULT_INDEX",
    "UV_EXCLUDE_NEWER",
    "UV_EXTRA_INDEX_URL",
    "UV_FIND_LINKS",
    "UV_FORK_STRATEGY",
    "UV_INDEX",
    "UV_INDEX_STRATEGY",
    "UV_INDEX_URL",
    "UV_ISOLATED",
    "UV_NO_BINARY",
    "UV_NO_BINARY_PACKAGE",
    "UV_NO_BUILD",
    "UV_NO_BUILD_PACKAGE",
    "UV_NO_CONFIG",
    "UV_NO_INDEX",
    "UV_PRERELEASE",
    "UV_RESOLUTION",
    "UV_TORCH_BACKEND",
];

/// Those that may hold paths, with spaces or commas between them.
const PATHS: [&str; 6] = [
    "UV_CONFIG_FILE",
    "UV_DEFAULT_INDEX",
    "UV_EXTRA_INDEX_URL",
    "UV_FIND_LINKS",
    "UV_INDEX",
    "UV_INDEX_URL",
];

/// What the environment of this process, and the files of uv's settings, say.
pub(crate) fn settings() -> String {
    let variable = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
    Settings { variable }.text()
}

struct Settings<V> {
    variable: V,
}

impl<V: Fn(&str) -> Option<OsString>> Settings<V> {
    fn text(&self) -> String {
        let mut text = String::new();
        for name in CHOICES {
            if let Some(value) = (self.variable)(name) {
                let _ = writeln!(text, "{name}={}", value.to_string_lossy());
            }
        }
        if PATHS.iter().any(|name| self.has_relative_path(name)) {
            let folder = env::current_dir().unwrap_or_default();
            let _ = writeln!(text, "in {}", folder.display());
        }
        for path in self.files() {
            if let Ok(content) = fs::read_to_string(&path) {
                let _ = writeln!(text, "{}:\n{content}", path.display());
            }
        }
        text
    }

    /// Whether what a variable says depends on where the server was started. An index may have a name
    /// before its address.
    fn has_relative_path(&self, name: &str) -> bool {
        let value = (self.variable)(name).unwrap_or_default();
        let value = value.to_string_lossy();
        let mut places = value.split([' ', ',']).filter(|place| !place.is_empty());
        places.any(|place| {
            let (_name, path) = place.split_once('=').unwrap_or_default();
            !place.contains("://") && !place.starts_with('/') && !path.starts_with('/')
        })
    }

    /// Where `uv` reads its settings from.
    fn files(&self) -> Vec<PathBuf> {
        let path = |name| (self.variable)(name).map(PathBuf::from);
        if let Some(only) = path("UV_CONFIG_FILE") {
            return vec![only];
        }
        let config = path("XDG_CONFIG_HOME").or_else(|| Some(path("HOME")?.join(".config")));
        let shared = (self.variable)("XDG_CONFIG_DIRS").unwrap_or_else(|| "/etc/xdg".into());
        let folders = config.into_iter().chain(env::split_paths(&shared));
        folders.chain([PathBuf::from("/etc")]).map(|folder| folder.join("uv/uv.toml")).collect()
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn text(variables: &[(&str, &str)]) -> String {
        let variable = |name: &str| {
            let found = variables.iter().find(|(other, _)| *other == name);
            found.map(|(_, value)| OsString::from(value))
        };
        Settings { variable }.text()
    }

    #[rstest]
    #[case("UV_INDEX", "https://a.example/simple b=https://b.example", false)]
    #[case("UV_INDEX", "https://a.example/simple b=./b", true)]
    #[case("UV_INDEX", "b=/opt/b", false)]
    #[case("UV_FIND_LINKS", "/opt/wheels,https://a.example/?x=y", false)]
    #[case("UV_FIND_LINKS", "/opt/wheels,wheels", true)]
    #[case("UV_CONFIG_FILE", "uv.toml", true)]
    #[case("UV_RESOLUTION", "lowest", false)]
    fn the_start_directory_counts_where_something_is_relative_to_it(
        #[case] name: &str,
        #[case] value: &str,
        #[case] expected: bool,
    ) {
        let folder = format!("in {}\n", env::current_dir().unwrap().display());
        assert_eq!(text(&[(name, value)]).contains(&folder), expected);
    }

    #[test]
    fn settings_are_the_variables_and_the_files_that_uv_reads() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("uv/uv.toml");
        fs::create_dir(path.parent().unwrap()).unwrap();
        fs::write(&path, "offline = true\n").unwrap();
        let home = folder.path().to_str().unwrap();
        let variables = [("XDG_CONFIG_HOME", home), ("UV_RESOLUTION", "lowest"), ("UV_OTHER", "x")];
        let begin = format!("UV_RESOLUTION=lowest\n{}:\noffline = true\n\n", path.display());
        assert!(text(&variables).starts_with(&begin));
        let only = ("UV_CONFIG_FILE", "/no/such/file");
        assert_eq!(text(&[only, ("XDG_CONFIG_HOME", home)]), "");
    }
}
