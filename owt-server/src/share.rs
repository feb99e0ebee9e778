//! How much of what is limited one adaptor may have, so that there is something left for others.

/// How many times as much as is free an adaptor may have. Alone it gets seven eighths of the whole.
const TIMES_FREE: usize = 7;

/// Whether an adaptor that has so many threads, or places in a queue, may have one of those that are
/// free. The more adaptors want some, the less is free, and the less each of them gets. Where there
/// are no more than seven, one adaptor may have all.
pub(crate) fn may_have_another(own: usize, free: usize) -> bool {
    own < TIMES_FREE * free
}
