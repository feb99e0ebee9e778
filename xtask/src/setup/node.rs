//! Node, with its npm.

use xshell::{Shell, cmd};

use super::need::{Missing, State};
use super::table::numbers;
use crate::debian;

/// The oldest one that the JavaScript package runs on.
pub(super) const OLDEST: &str = "20.19";

const BY_HAND: &str = "Debian has an older one here: install it from https://nodejs.org";

pub(super) fn look(sh: &Shell) -> State {
    let version = cmd!(sh, "node --version").quiet().ignore_stderr().read().ok();
    match version.filter(|version| is_new_enough(version)) {
        Some(_) if debian::find("npm").is_none() => State::Missing(Missing::Debian(&["npm"])),
        Some(version) => State::There(version),
        None => State::Missing(offer(debian::candidate(sh, "nodejs").as_deref())),
    }
}

/// How Node gets here, by the version that a package of Debian has; unknown while there are no lists.
fn offer(candidate: Option<&str>) -> Missing {
    match candidate {
        Some(version) if !is_new_enough(version) => Missing::ByHand(BY_HAND.to_owned()),
        // Its own package has npm in it, and gets along with no other.
        Some(version) if version.contains("nodesource") => Missing::Debian(&["nodejs"]),
        _ => Missing::Debian(&["nodejs", "npm"]),
    }
}

fn is_new_enough(version: &str) -> bool {
    numbers(version) >= numbers(OLDEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_comes_from_debian_where_that_is_new_enough() {
        for (candidate, offered) in [
            (None, "apt-get install nodejs npm"),
            (Some("20.19.2+dfsg-1"), "apt-get install nodejs npm"),
            (Some("20.20.2-1nodesource1"), "apt-get install nodejs"),
            (Some("18.20.4+dfsg-1~deb12u1"), BY_HAND),
        ] {
            assert_eq!(offer(candidate).to_string(), offered, "{candidate:?}");
        }
    }
}
