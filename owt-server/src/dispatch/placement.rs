//! Which worker a call goes to.

use owt_core::Digest;

/// The worker of an adaptor, out of so many: always the same one, so that its models are in memory
/// once.
fn home(adaptor: Digest, workers: usize) -> usize {
    let [a, b, c, d, e, f, g, h, ..] = adaptor.0;
    let number = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
    usize::try_from(number % workers as u64).expect("the remainder is below a usize")
}

/// The worker of a call: its adaptor's home, or one of as many after it as there are replicas. Of these,
/// two are looked at, and the one with fewer calls is taken, which spreads calls nearly as well as looking
/// at all (Mitzenmacher, The Power of Two Choices in Randomized Load Balancing, 2001).
pub(super) fn worker_of(
    adaptor: Digest,
    workers: usize,
    replicas: usize,
    calls_at: impl Fn(usize) -> usize,
) -> usize {
    let home = home(adaptor, workers);
    let replicas = replicas.min(workers);
    if replicas < 2 {
        return home;
    }
    let one = fastrand::usize(..replicas);
    let other = (one + fastrand::usize(1..replicas)) % replicas;
    let [one, other] = [one, other].map(|replica| (home + replica) % workers);
    if calls_at(other) < calls_at(one) { other } else { one }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn an_adaptor_has_one_home() {
        let adaptor = Digest::of("one");
        let worker = || worker_of(adaptor, 7, 1, |_| 0);
        assert!((0..100).all(|_| worker() == home(adaptor, 7)));
        assert_eq!(worker_of(adaptor, 1, 3, |_| 0), 0, "there are no more replicas than workers");
    }

    #[test]
    fn replicas_are_next_to_each_other_and_share_the_calls() {
        let (adaptor, calls) = (Digest::of("one"), RefCell::new([0_usize; 7]));
        for _ in 0..700 {
            let worker = worker_of(adaptor, 7, 3, |worker| calls.borrow()[worker]);
            calls.borrow_mut()[worker] += 1;
        }
        let home = home(adaptor, 7);
        let counts: Vec<_> = (0..7).map(|n| calls.borrow()[(home + n) % 7]).collect();
        assert!(counts[..3].iter().all(|count| (200..270).contains(count)), "{counts:?}");
        assert_eq!(counts[3..], [0; 4]);
    }
}
