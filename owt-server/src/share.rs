//! How much of what is limited one adaptor may have, so that there is something left for others.

/// How many times as much as is free an adaptor may have. Alone it gets seven eighths of the whole.
const TIMES_FREE: usize = 7;

/// Whether an adaptor that has so many threads, or places in a queue, may have one of those that are
/// free. The more adaptors want some, the less is free, and the less each of them gets.
pub(crate) fn may_have_another(own: usize, free: usize) -> bool {
    own < free.saturating_mul(TIMES_FREE)
}

/// How many there have to be in all, so that an adaptor that is alone gets `limit` of them. Below
/// seven there are none for others: who asks for one call at a time gets one.
pub(crate) fn with_reserve(limit: usize) -> usize {
    limit.saturating_add(limit / TIMES_FREE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_adaptor_that_is_alone_gets_what_was_asked_for() {
        for limit in 1..=2000 {
            let all = with_reserve(limit);
            let own = (0..).find(|own| !may_have_another(*own, all - own));
            assert_eq!(own, Some(limit));
        }
    }

    #[test]
    fn a_limit_may_be_as_large_as_can_be_said() {
        assert_eq!(with_reserve(usize::MAX), usize::MAX);
        assert!(may_have_another(0, usize::MAX));
    }
}
