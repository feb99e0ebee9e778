//! The folder of a running server: the Python package `owt`, which the binary carries, and the
//! sources that child processes of adaptors may import.
//!
//! It is a real folder, so that tracebacks show real lines and any `python` can import `owt`.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};
use tempfile::TempDir;

/// The package as the build script left it: sources, and what they compile to.
static PACKAGE: Dir<'_> = include_dir!("$OUT_DIR/owt");

/// The private folders of a server, removed when this is dropped.
#[derive(Debug)]
pub(crate) struct RunDir {
    home: TempDir,
    uploads: TempDir,
}

impl RunDir {
    /// Makes the folder and writes the package into it.
    pub(crate) fn make() -> io::Result<Self> {
        let only_for_this_user = fs::Permissions::from_mode(0o700);
        let mut builder = tempfile::Builder::new();
        builder.prefix("owt-").permissions(only_for_this_user);
        let dir = match std::env::var_os("XDG_RUNTIME_DIR") {
            // The user's own folder for such things, which no clean-up of old files touches.
            Some(base) => builder.tempdir_in(base).or_else(|_| builder.tempdir())?,
            None => builder.tempdir()?,
        };
        // The other one is often memory, and these files are large.
        let uploads = builder.prefix("owt-uploads-").tempdir()?;
        let made = Self { home: dir, uploads };
        fs::create_dir(made.adaptors())?;
        write(&PACKAGE, &made.package().join("owt"))?;
        Ok(made)
    }

    pub(crate) fn path(&self) -> &Path {
        self.home.path()
    }

    /// Where files that clients send are kept as long as their calls.
    pub(crate) fn uploads(&self) -> &Path {
        self.uploads.path()
    }

    /// What goes on `sys.path` so that `import owt` works.
    pub(crate) fn package(&self) -> PathBuf {
        self.path().join("python")
    }

    /// Where sources of adaptors are put.
    pub(crate) fn adaptors(&self) -> PathBuf {
        self.path().join("adaptors")
    }
}

fn write(dir: &Dir<'_>, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for file in dir.files() {
        let name = file.path().file_name().expect("an embedded file has a name");
        fs::write(to.join(name), file.contents())?;
    }
    for folder in dir.dirs() {
        let name = folder.path().file_name().expect("an embedded folder has a name");
        write(folder, &to.join(name))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interpreter::MINOR;

    #[test]
    fn the_package_lies_in_a_private_folder_that_goes_with_its_owner() {
        let made = RunDir::make().unwrap();
        let path = made.path().to_path_buf();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        assert!(made.package().join("owt/__init__.py").is_file());
        let compiled = format!("owt/summat/__pycache__/__init__.cpython-3{MINOR}.pyc");
        assert!(made.package().join(compiled).is_file());
        drop(made);
        assert!(!path.exists());
    }
}
