//! The environment that owt was installed in with pip, and whether it is the user's or a tool's own.

use std::path::{Path, PathBuf};

/// What uv and pipx leave in the environments that they make for one program.
const RECEIPTS: [&str; 2] = ["uv-receipt.toml", "pipx_metadata.json"];

/// What marks the folder of a cache (<https://bford.info/cachedir/>), in which `uvx` makes its environments.
const CACHE_TAG: &str = "CACHEDIR.TAG";

/// An environment with the program owt in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installation {
    /// The folder of the environment.
    pub folder: PathBuf,
    /// Whether it was made for owt alone, by `uv tool`, `uvx` or `pipx`. What users install for their
    /// adaptors is elsewhere.
    pub is_tool: bool,
}

impl Installation {
    /// Where this program is installed, unless that is no virtualenv or conda environment.
    #[must_use]
    pub fn of_this_program() -> Option<Self> {
        Self::of_bin(std::env::current_exe().ok()?.parent()?)
    }

    /// The environment whose programs are in a folder.
    pub(super) fn of_bin(bin: &Path) -> Option<Self> {
        let folder = bin.parent()?;
        let is_environment =
            folder.join("pyvenv.cfg").is_file() || folder.join("conda-meta").is_dir();
        is_environment.then(|| Self { folder: folder.to_path_buf(), is_tool: is_tool(folder) })
    }
}

fn is_tool(folder: &Path) -> bool {
    let is_cached =
        || folder.ancestors().nth(2).is_some_and(|cache| cache.join(CACHE_TAG).is_file());
    RECEIPTS.iter().any(|name| folder.join(name).is_file()) || is_cached()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::no_environment(&["env/bin/owt"], None)]
    #[case::virtualenv(&["env/pyvenv.cfg"], Some(false))]
    #[case::conda(&["env/conda-meta/history"], Some(false))]
    // uv marks each virtualenv as what needs no backup.
    #[case::virtualenv_of_uv(&["env/pyvenv.cfg", "env/CACHEDIR.TAG"], Some(false))]
    #[case::virtualenv_in_the_target_folder(&["env/pyvenv.cfg", "CACHEDIR.TAG"], Some(false))]
    #[case::uv_tool(&["env/pyvenv.cfg", "env/uv-receipt.toml"], Some(true))]
    #[case::uvx(&["env/pyvenv.cfg", "../CACHEDIR.TAG"], Some(true))]
    #[case::pipx(&["env/pyvenv.cfg", "env/pipx_metadata.json"], Some(true))]
    fn the_environment_of_a_program_is_known_by_its_files(
        #[case] files: &[&str],
        #[case] expected: Option<bool>,
    ) {
        let outer = tempfile::tempdir().unwrap();
        let base = outer.path().join("base");
        for file in files {
            let file = base.join(file);
            fs::create_dir_all(base.join("env/bin")).unwrap();
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, "").unwrap();
        }
        let folder = base.join("env");
        let found = Installation::of_bin(&folder.join("bin"));
        assert_eq!(found, expected.map(|is_tool| Installation { folder, is_tool }));
    }
}
