//! Opens files of a folder, and none outside of it.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, openat};

/// Nobody waits for whoever writes to a pipe that lies in the folder.
const FILE: OFlags =
    OFlags::RDONLY.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK).union(OFlags::NOCTTY);

/// The folder itself need not be read.
#[cfg(target_os = "linux")]
const FOLDER: OFlags = OFlags::PATH;
#[cfg(not(target_os = "linux"))]
const FOLDER: OFlags = OFlags::RDONLY;

/// A folder that is open: it stays the same one if it is renamed.
#[derive(Debug)]
pub(super) struct StaticFolder(OwnedFd);

impl StaticFolder {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let flags = FOLDER | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = Self(openat(CWD, path, flags, Mode::empty())?);
        // Kernels of Linux before 5.6 cannot keep a path beneath a folder.
        folder.file(".").map(|_| folder)
    }

    pub(super) fn try_clone(&self) -> io::Result<Self> {
        self.0.try_clone().map(Self)
    }

    /// What is at a path below the folder.
    #[cfg(target_os = "linux")]
    pub(super) fn file(&self, path: &str) -> io::Result<File> {
        use rustix::fs::{ResolveFlags, openat2};

        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        Ok(File::from(openat2(&self.0, path, FILE, Mode::empty(), resolve)?))
    }

    /// What is at a path below the folder.
    #[cfg(not(target_os = "linux"))]
    pub(super) fn file(&self, path: &str) -> io::Result<File> {
        self.file_without_links(path)
    }

    /// Where the kernel does not keep a path beneath a folder, each name of it is opened in the folder
    /// before it, and no symbolic link is followed.
    #[cfg(any(not(target_os = "linux"), test))]
    fn file_without_links(&self, path: &str) -> io::Result<File> {
        let names = path.split('/').filter(|name| *name != ".");
        let mut found = self.0.try_clone()?;
        for name in names {
            if matches!(name, "" | "..") {
                return Err(io::ErrorKind::NotFound.into());
            }
            found = openat(&found, name, FILE | OFlags::NOFOLLOW, Mode::empty())?;
        }
        Ok(File::from(found))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn no_link_leads_out_of_the_folder() {
        let outside = tempfile::tempdir().unwrap();
        let served = outside.path().join("served");
        std::fs::create_dir_all(served.join("sub")).unwrap();
        for file in ["secret", "served/page", "served/sub/page"] {
            std::fs::write(outside.path().join(file), "").unwrap();
        }
        symlink("../secret", served.join("out")).unwrap();
        symlink("..", served.join("up")).unwrap();
        symlink(outside.path().join("secret"), served.join("absolute")).unwrap();
        symlink("page", served.join("within")).unwrap();
        let folder = StaticFolder::open(&served).unwrap();
        let paths = ["page", "sub", "sub/page", "./page", "within"];
        let is_found = |path| folder.file(path).is_ok();
        assert_eq!(paths.map(is_found), [true; 5]);
        let is_found = |path| folder.file_without_links(path).is_ok();
        assert_eq!(paths.map(is_found), [true, true, true, true, false]);
        let secret = outside.path().join("secret").display().to_string();
        let mut beyond = vec!["out", "absolute", "../secret", "sub/../../secret", "up/secret"];
        beyond.extend(["none", "page/", "page/page", &secret]);
        for path in beyond {
            assert!(folder.file(path).is_err(), "{path}");
            assert!(folder.file_without_links(path).is_err(), "{path}");
        }
    }
}
