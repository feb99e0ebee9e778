//! How many of the places at a worker each adaptor has: a flood of calls of one is refused while those
//! of others are still taken.

use std::sync::{Mutex, MutexGuard, PoisonError};

use foldhash::HashMap;
use owt_core::Digest;

use crate::fairness::is_below_quota;

#[derive(Debug, Default)]
pub(super) struct Shares(Mutex<HashMap<Digest, usize>>);

impl Shares {
    /// Takes one of so many free places, if the adaptor may have another one.
    pub(super) fn take(&self, adaptor: Digest, free: usize) -> bool {
        let mut shares = self.shares();
        let own = shares.entry(adaptor).or_default();
        let may = is_below_quota(*own, free);
        if may {
            *own += 1;
        } else if *own == 0 {
            shares.remove(&adaptor);
        }
        may
    }

    pub(super) fn give_back(&self, adaptor: Digest) {
        let mut shares = self.shares();
        let Some(own) = shares.get_mut(&adaptor) else { return };
        *own -= 1;
        if *own == 0 {
            shares.remove(&adaptor);
        }
    }

    fn shares(&self) -> MutexGuard<'_, HashMap<Digest, usize>> {
        // Nothing between two statements on it can panic half way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fairness::with_headroom;

    /// How many of the places at a worker an adaptor gets that wants all of them.
    fn flood(shares: &Shares, adaptor: Digest, free: &mut usize) -> usize {
        let mut taken = 0;
        while shares.take(adaptor, *free) {
            taken += 1;
            *free -= 1;
        }
        taken
    }

    #[test]
    fn a_flood_of_one_adaptor_leaves_places_for_others() {
        let (shares, mut free) = (Shares::default(), with_headroom(1088));
        let [one, two, three] = ["1", "2", "3"].map(Digest::of);
        assert_eq!(flood(&shares, one, &mut free), 1088);
        assert_eq!(flood(&shares, two, &mut free), 136);
        assert_eq!(flood(&shares, three, &mut free), 17);
        shares.give_back(one);
        assert!(!shares.take(one, free + 1));
    }

    #[test]
    fn a_short_queue_is_for_whoever_comes() {
        let (shares, mut free) = (Shares::default(), 2);
        assert_eq!(flood(&shares, Digest::of("1"), &mut free), 2);
        assert_eq!(flood(&shares, Digest::of("2"), &mut free), 0);
    }

    #[test]
    fn nothing_is_kept_of_an_adaptor_that_has_no_calls() {
        let (shares, one) = (Shares::default(), Digest::of("1"));
        assert!(shares.take(one, 2));
        assert!(shares.take(one, 1));
        shares.give_back(one);
        shares.give_back(one);
        assert!(!shares.take(one, 0));
        assert!(shares.shares().is_empty());
    }
}
