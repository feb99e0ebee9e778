//! How much of a shared resource one adaptor may have: the more is free, the higher its quota.
//!
//! These are the dynamic thresholds of A. K. Choudhury and E. L. Hahne, "Dynamic queue length
//! thresholds for shared-memory packet switches" (IEEE/ACM Transactions on Networking 6(2), 1998).

/// The quota as a multiple of what is free. An adaptor that is alone gets seven eighths of the whole.
const ALPHA: usize = 7;

/// Whether an adaptor that has `own` threads, or places in a queue, may have one of the `free` ones.
pub fn is_below_quota(own: usize, free: usize) -> bool {
    own < free.saturating_mul(ALPHA)
}

/// The capacity with which an adaptor that is alone gets `limit`. Below a limit of seven there is no
/// headroom for others: first come, first served.
pub fn with_headroom(limit: usize) -> usize {
    limit.saturating_add(limit / ALPHA)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_adaptor_that_is_alone_gets_the_limit() {
        for limit in 1..=2000 {
            let capacity = with_headroom(limit);
            let own = (0..).find(|own| !is_below_quota(*own, capacity - own));
            assert_eq!(own, Some(limit));
        }
    }

    #[test]
    fn a_limit_may_be_as_large_as_a_number_can_be() {
        assert_eq!(with_headroom(usize::MAX), usize::MAX);
        assert!(is_below_quota(0, usize::MAX));
    }
}
