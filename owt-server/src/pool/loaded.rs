//! What else is in the memory of a pool, for whoever finds too little of it.

use std::collections::BTreeSet;

use owt_core::{DEFAULT_POOL, Digest};

use super::shared::Shared;
use super::usage::UsedAdaptor;

/// How many adaptors are named.
const MAX_NAMED: usize = 8;

/// How much of a digest tells people which it is.
const SHORT: usize = 12;

impl Shared {
    /// A sentence that names the pool, and the adaptors that its workers have been called with: those that
    /// were used last, without one that the reader knows. Nothing of a server's own pool with no others.
    pub(crate) fn loaded(&self, except: Option<Digest>) -> Option<String> {
        let mut all: Vec<UsedAdaptor> =
            self.slots.iter().flat_map(|slot| slot.usage.adaptors()).collect();
        all.sort_by_key(|adaptor| adaptor.idle);
        sentence(&self.profile.name, &all, except)
    }
}

fn sentence(pool: &str, adaptors: &[UsedAdaptor], except: Option<Digest>) -> Option<String> {
    let mut seen = BTreeSet::new();
    let others = adaptors
        .iter()
        .filter(|adaptor| Some(adaptor.digest) != except && seen.insert(adaptor.digest.0));
    let names: Vec<_> = others.map(name).collect();
    let also = if except.is_some() { "also " } else { "" };
    Some(match names.len() {
        0 if pool == DEFAULT_POOL => return None,
        0 => format!("Nothing else is loaded in its pool, {pool}."),
        count if count > MAX_NAMED => format!(
            "In its pool, {pool}, there are {also}loaded: {}, and {} more.",
            names[..MAX_NAMED].join(", "),
            count - MAX_NAMED
        ),
        _ => format!("In its pool, {pool}, there are {also}loaded: {}.", names.join(", ")),
    })
}

fn name(adaptor: &UsedAdaptor) -> String {
    let digest = adaptor.digest.to_string();
    let digest = &digest[..SHORT];
    match &adaptor.name {
        Some(name) => format!("{name} ({digest})"),
        None => digest.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use owt_core::KeepAlive;
    use rstest::rstest;

    use super::*;

    fn adaptor(source: &str, name: Option<&str>) -> UsedAdaptor {
        let (idle, keep) = (Duration::ZERO, KeepAlive::Always);
        UsedAdaptor { digest: Digest::of(source), name: name.map(Into::into), idle, keep }
    }

    #[rstest]
    #[case(&[], None, "Nothing else is loaded in its pool, gpu.")]
    #[case(&["1"], Some("1"), "Nothing else is loaded in its pool, gpu.")]
    #[case(
        &["1", "2", "2"],
        Some("1"),
        "In its pool, gpu, there are also loaded: 2.py (d4735e3a265e)."
    )]
    #[case(&["1", "-"], None, "In its pool, gpu, there are loaded: 1.py (6b86b273ff34), 3973e022e932.")]
    fn what_is_loaded_is_named_once(
        #[case] sources: &[&str],
        #[case] except: Option<&str>,
        #[case] expected: &str,
    ) {
        let of = |source: &&str| {
            adaptor(source, Some(&*format!("{source}.py")).filter(|_| *source != "-"))
        };
        let adaptors: Vec<_> = sources.iter().map(of).collect();
        let found = sentence("gpu", &adaptors, except.map(Digest::of));
        assert_eq!(found.as_deref(), Some(expected));
    }

    #[test]
    fn of_the_servers_own_pool_is_said_only_what_is_there() {
        assert_eq!(sentence("default", &[], None), None);
    }

    #[test]
    fn of_many_adaptors_a_few_are_named() {
        let adaptors: Vec<_> = (0..20).map(|n| adaptor(&n.to_string(), Some("a.py"))).collect();
        let sentence = sentence("default", &adaptors, None).unwrap();
        assert!(sentence.ends_with(", and 12 more."), "{sentence}");
    }
}
