//! A Unix socket that nobody but its owner can connect to: made, and removed in the end.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

/// How often a place is tried that others take at the same time.
const ATTEMPTS: usize = 3;

/// A socket's place in the file system, which is given up in the end.
#[derive(Debug)]
pub(crate) struct SocketPath {
    path: PathBuf,
    id: (u64, u64),
}

/// Listens at a path, in the place of a server that has ended there.
///
/// # Errors
/// `AddrInUse` where a server listens already, `AlreadyExists` where there is a file that is no socket.
pub(crate) fn bind(path: &Path) -> io::Result<(UnixListener, SocketPath)> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    // In a folder that is closed to others, nobody can connect before the mode is set.
    let private = tempfile::Builder::new()
        .prefix(".owt-")
        .permissions(Permissions::from_mode(0o700))
        .tempdir_in(folder.unwrap_or(Path::new(".")))?;
    let made = private.path().join("s");
    let listener = UnixListener::bind(&made)?;
    fs::set_permissions(&made, Permissions::from_mode(0o600))?;
    let id = id(&made)?;
    place(&made, path, private.path())?;
    Ok((listener, SocketPath { path: path.to_owned(), id }))
}

/// Moves a socket to its path, and another out of the way if nobody listens at it.
fn place(made: &Path, path: &Path, private: &Path) -> io::Result<()> {
    for _ in 0..ATTEMPTS {
        match renameat_with(CWD, made, CWD, path, RenameFlags::NOREPLACE) {
            Err(Errno::EXIST) => remove_stale(path, private)?,
            outcome => return Ok(outcome?),
        }
    }
    Err(io::ErrorKind::AddrInUse.into())
}

fn remove_stale(path: &Path, private: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(found) if !found.file_type().is_socket() => {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(()),
        found => found?,
    };
    if is_live(path) {
        return Err(io::ErrorKind::AddrInUse.into());
    }
    let aside = private.join("stale");
    fs::rename(path, &aside)?;
    if is_live(&aside) {
        // Another server has come to this path just now.
        renameat_with(CWD, &aside, CWD, path, RenameFlags::NOREPLACE)?;
        return Err(io::ErrorKind::AddrInUse.into());
    }
    Ok(())
}

fn is_live(path: &Path) -> bool {
    use io::ErrorKind::{ConnectionRefused, NotFound};
    UnixStream::connect(path)
        .map_or_else(|err| !matches!(err.kind(), ConnectionRefused | NotFound), |_| true)
}

fn id(path: &Path) -> io::Result<(u64, u64)> {
    fs::symlink_metadata(path).map(|found| (found.dev(), found.ino()))
}

impl Drop for SocketPath {
    /// Removes it, unless another server's is there by now.
    fn drop(&mut self) {
        if id(&self.path).is_ok_and(|id| id == self.id) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    fn names(folder: &TempDir) -> Vec<String> {
        let names = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
        names.map(|name| name.into_string().unwrap()).collect()
    }

    #[test]
    fn only_its_owner_may_connect_and_it_is_removed_in_the_end() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("owt.sock");
        let (_listener, kept) = bind(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(names(&folder), ["owt.sock"]);
        assert!(UnixStream::connect(&path).is_ok());
        drop(kept);
        assert!(names(&folder).is_empty());
    }

    #[test]
    fn the_socket_of_a_server_that_was_killed_is_replaced() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("owt.sock");
        drop(UnixListener::bind(&path).unwrap());
        assert!(UnixStream::connect(&path).is_err());
        let (_listener, _kept) = bind(&path).unwrap();
        assert!(UnixStream::connect(&path).is_ok());
        assert_eq!(names(&folder), ["owt.sock"]);
    }

    #[test]
    fn nothing_is_taken_from_others() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("owt.sock");
        let (listener, kept) = bind(&path).unwrap();
        assert_eq!(bind(&path).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        assert!(UnixStream::connect(&path).is_ok());
        drop(listener);
        fs::remove_file(&path).unwrap();
        fs::write(&path, "precious").unwrap();
        assert_eq!(bind(&path).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        drop(kept);
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    }
}
