//! Ids that clients have chosen for their requests, each for one call at a time: whoever knows the
//! id can cancel the call.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How long a chosen id may be, in bytes.
const LONGEST: usize = 64;

#[derive(Debug, Default)]
pub(crate) struct Claims(Mutex<HashSet<String>>);

/// The right to an id, until its last owner is dropped.
#[derive(Debug)]
pub(crate) struct Claim {
    id: String,
    claims: Arc<Claims>,
}

impl Claims {
    /// Takes an id that no other call has; `None` if one has.
    pub(crate) fn take(self: &Arc<Self>, id: &str) -> Option<Arc<Claim>> {
        let is_free = self.held().insert(id.to_owned());
        is_free.then(|| Arc::new(Claim { id: id.to_owned(), claims: self.clone() }))
    }

    fn held(&self) -> MutexGuard<'_, HashSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.claims.held().remove(&self.id);
    }
}

/// Whether a text may be a request's id: it stands in URLs and in logs as it is (the unreserved
/// characters of RFC 3986).
pub(crate) fn is_id(text: &str) -> bool {
    let is_unreserved =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    (1..=LONGEST).contains(&text.len()) && text.bytes().all(is_unreserved)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[test]
    fn an_id_is_one_calls_until_all_of_it_has_ended() {
        let claims = Arc::new(Claims::default());
        let claim = claims.take("one").unwrap();
        assert!(claims.take("one").is_none());
        assert!(claims.take("two").is_some());
        let again = claim.clone();
        drop(claim);
        assert!(claims.take("one").is_none());
        drop(again);
        assert!(claims.take("one").is_some());
    }

    #[rstest]
    #[case("a", true)]
    #[case("0f8fad5b-d9cb-469f-a165-70867728950e", true)]
    #[case("A.b_c~d", true)]
    #[case(&"x".repeat(64), true)]
    #[case(&"x".repeat(65), false)]
    #[case("", false)]
    #[case("a b", false)]
    #[case("a/b", false)]
    #[case("a\u{1b}[1m", false)]
    #[case("\u{e9}", false)]
    fn an_id_is_short_and_needs_no_escapes(#[case] text: &str, #[case] expected: bool) {
        assert_eq!(is_id(text), expected);
    }
}
