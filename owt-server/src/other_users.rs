//! Whether others use this machine: loopback is everybody's who is on it.

use std::path::Path;

/// Where systemd has a folder for each user who is logged in.
const LOGGED_IN: &str = "/run/user";

/// Users below are the system's, such as the one of a login screen (see login.defs).
const FIRST_PERSON: u32 = 1000;
const NOBODY: u32 = 65534;

/// Types that network file systems have on Linux, on which many machines have the same homes (see statfs(2)).
#[cfg(target_os = "linux")]
const NETWORK: [i64; 9] = [
    0x6969,      // NFS
    0xff53_4d42, // CIFS
    0xfe53_4d42, // SMB2
    0x5346_414f, // AFS
    0x6b41_4653, // kAFS
    0x00c3_6400, // Ceph
    0x0bd0_0bd0, // Lustre
    0x4750_4653, // GPFS
    0x1983_0326, // BeeGFS
];

/// Why others may reach a server that listens on loopback, as a whole sentence, if they may.
#[must_use]
pub fn others_on_loopback() -> Option<&'static str> {
    if others_logged_in(Path::new(LOGGED_IN), rustix::process::getuid().as_raw()) {
        return Some("Other users are logged in on this machine, and loopback is theirs as well.");
    }
    let home = std::env::var_os("HOME")?;
    is_on_network(Path::new(&home)).then_some(
        "The home folder is on a network, so this machine may have other users, and loopback is \
         theirs as well.",
    )
}

#[cfg(target_os = "linux")]
fn is_on_network(folder: &Path) -> bool {
    rustix::fs::statfs(folder).is_ok_and(|found| NETWORK.contains(&found.f_type))
}

/// Elsewhere, types of file systems have other numbers.
#[cfg(not(target_os = "linux"))]
fn is_on_network(_folder: &Path) -> bool {
    false
}

fn others_logged_in(folder: &Path, own: u32) -> bool {
    let Ok(entries) = std::fs::read_dir(folder) else { return false };
    let users = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    users.into_iter().any(|user: u32| user >= FIRST_PERSON && user != NOBODY && user != own)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(&[], false)]
    #[case(&["1000"], false)]
    #[case(&["0", "117", "1000", "65534", "systemd"], false)]
    #[case(&["1000", "1001"], true)]
    fn people_count_and_services_do_not(#[case] names: &[&str], #[case] expected: bool) {
        let folder = tempfile::TempDir::new().unwrap();
        names.iter().for_each(|name| std::fs::create_dir(folder.path().join(name)).unwrap());
        assert_eq!(others_logged_in(folder.path(), 1000), expected);
    }

    #[test]
    fn without_systemd_nobody_is_known() {
        assert!(!others_logged_in(Path::new("/nowhere"), 1000));
    }
}
