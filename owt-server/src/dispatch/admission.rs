//! How many calls may be at one worker, and how many of them of each adaptor: a flood of calls of one
//! is refused while those of others are still admitted.

use std::collections::hash_map::Entry;

use foldhash::HashMap;
use owt_core::{Digest, Error};
use parking_lot::Mutex;

use owt_common::fairness::{is_below_quota, with_headroom};

#[derive(Debug)]
pub(super) struct Admission {
    /// How many calls may be there, those beyond one adaptor's quota included.
    capacity: usize,
    calls: Mutex<Calls>,
}

#[derive(Debug, Default)]
struct Calls {
    total: usize,
    by_adaptor: HashMap<Digest, usize>,
}

impl Admission {
    /// `limit` is how many calls one adaptor may have.
    pub(super) fn new(limit: usize) -> Self {
        Self { capacity: with_headroom(limit), calls: Mutex::default() }
    }

    /// Admits a call of an adaptor.
    ///
    /// # Errors
    /// [`Error::QueueFull`] if the adaptor has its share of the capacity already.
    pub(super) fn admit(&self, adaptor: Digest) -> Result<(), Error> {
        let calls = &mut *self.calls.lock();
        let own = calls.by_adaptor.entry(adaptor);
        let count = if let Entry::Occupied(own) = &own { *own.get() } else { 0 };
        if !is_below_quota(count, self.capacity.saturating_sub(calls.total)) {
            return Err(Error::QueueFull);
        }
        *own.or_default() += 1;
        calls.total += 1;
        Ok(())
    }

    /// Gives the place of a call back.
    pub(super) fn release(&self, adaptor: Digest) {
        let calls = &mut *self.calls.lock();
        let Entry::Occupied(mut own) = calls.by_adaptor.entry(adaptor) else { return };
        calls.total -= 1;
        *own.get_mut() -= 1;
        if *own.get() == 0 {
            own.remove();
        }
    }

    /// How many calls are at the worker, running or waiting.
    pub(super) fn calls(&self) -> usize {
        self.calls.lock().total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many calls are admitted of an adaptor that wants as many as it can get.
    fn flood(admission: &Admission, adaptor: Digest) -> usize {
        (0..).take_while(|_| admission.admit(adaptor).is_ok()).count()
    }

    #[test]
    fn a_flood_of_one_adaptor_leaves_places_for_others() {
        let admission = Admission::new(1088);
        let [one, two, three] = ["1", "2", "3"].map(Digest::of);
        assert_eq!(flood(&admission, one), 1088);
        assert_eq!(flood(&admission, two), 136);
        assert_eq!(flood(&admission, three), 17);
        admission.release(one);
        assert!(admission.admit(three).is_ok());
        assert_eq!(admission.admit(one).unwrap_err().code(), "queue-full");
        assert_eq!(admission.calls(), 1088 + 136 + 17);
    }

    #[test]
    fn a_short_queue_is_for_whoever_comes() {
        let admission = Admission::new(2);
        assert_eq!(flood(&admission, Digest::of("1")), 2);
        assert_eq!(flood(&admission, Digest::of("2")), 0);
    }

    #[test]
    fn nothing_is_kept_of_an_adaptor_that_has_no_calls() {
        let (admission, one) = (Admission::new(2), Digest::of("1"));
        assert_eq!(flood(&admission, one), 2);
        admission.release(one);
        admission.release(one);
        admission.release(one);
        assert_eq!(admission.calls(), 0);
        assert!(admission.calls.lock().by_adaptor.is_empty());
    }
}
