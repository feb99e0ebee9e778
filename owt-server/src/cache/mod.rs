//! The result cache: replies of calls that ask for it (`use_cache`), kept in the front, so that the
//! second call of the same key runs no Python.
//!
//! However many ask for one key at a time, it is computed once (single flight): the first call begins
//! an entry, all of them read from it, and it is kept once it is complete. Errors are not kept.

mod entry;
mod fill;
mod store;
#[cfg(test)]
mod tests;

pub(crate) use entry::{Reader, Start};
pub(crate) use fill::fill;
pub(crate) use store::{Cache, CacheStats};
