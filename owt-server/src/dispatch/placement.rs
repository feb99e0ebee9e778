//! Which worker a call goes to.

use owt_core::Digest;

/// The worker of an adaptor, out of so many: always the same one, so that its models are in memory
/// once.
pub(super) fn worker_of(adaptor: Digest, workers: usize) -> usize {
    let [a, b, c, d, e, f, g, h, ..] = adaptor.0;
    let number = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
    usize::try_from(number % workers as u64).expect("the remainder is below a usize")
}
