//! Rendezvous hashing: which members a digest belongs to (Thaler and Ravishankar, "Using Name-Based Mappings
//! to Increase Hit Rates", 1998; with weights as in Schindelhauer and Schomaker, "Weighted Distributed Hash
//! Tables", 2005).
//!
//! A member that comes takes its share of the digests from all others, and one that goes leaves its own to
//! them; no other digest moves.

use owt_core::Digest;
use sha2::{Digest as _, Sha256};

/// How much a digest is at home at a member. The same on every machine and in every version.
pub(super) fn score(pool: &str, digest: Digest, member: &str, weight: u32) -> f64 {
    let mut hash = Sha256::new();
    for part in [pool.as_bytes(), member.as_bytes(), &digest.0] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    let hash: [u8; 32] = hash.finalize().into();
    let (first, _) = hash.split_first_chunk().expect("it has 32 bytes");
    // Between 0 and 1, neither of them: 53 bits are what a float has.
    let uniform = ((u64::from_le_bytes(*first) >> 11) as f64 + 0.5) / (1u64 << 53) as f64;
    f64::from(weight) / -uniform.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home<'a>(members: &[(&'a str, u32)], digest: Digest) -> &'a str {
        let scored =
            members.iter().map(|(name, weight)| (score("p", digest, name, *weight), *name));
        scored.max_by(|one, other| one.0.total_cmp(&other.0)).unwrap().1
    }

    fn digests() -> impl Iterator<Item = Digest> {
        (0..10_000).map(|number| Digest::of(&number.to_string()))
    }

    #[test]
    fn a_member_that_comes_takes_its_share_and_nothing_else_moves() {
        let three = [("a:1", 1), ("b:1", 1), ("c:1", 1)];
        let four = [three[0], three[1], three[2], ("d:1", 1)];
        let moved: Vec<_> = digests()
            .map(|digest| (home(&three, digest), home(&four, digest)))
            .filter(|(before, after)| before != after)
            .collect();
        assert!(moved.iter().all(|(_, after)| *after == "d:1"));
        let share = moved.len() as f64 / 10_000.0;
        assert!((0.23..0.27).contains(&share), "a quarter moves, not {share}");
    }

    #[test]
    fn a_member_has_digests_by_its_weight() {
        let members = [("a:1", 1), ("b:1", 3)];
        let share = digests().filter(|digest| home(&members, *digest) == "b:1").count();
        assert!((7_300..7_700).contains(&share), "three quarters, not {share} of 10,000");
    }

    #[test]
    fn a_home_is_the_same_in_every_version() {
        let members = [("a:1", 1), ("b:1", 1), ("c:1", 1)];
        let homes = digests().take(12).map(|digest| &home(&members, digest)[..1]);
        let homes: Vec<_> = homes.collect();
        assert_eq!(homes.join(" "), "c b b a a b b b a c a b");
    }
}
