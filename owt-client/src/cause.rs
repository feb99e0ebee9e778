//! The causes of an error of reqwest.

use std::error::Error;
use std::{io, iter};

/// The first cause of a type.
pub(crate) fn find<E: Error + 'static>(err: &reqwest::Error) -> Option<&E> {
    iter::successors(err.source(), |&err| next(err)).find_map(|err| err.downcast_ref())
}

/// The cause of an error. What an [`io::Error`] wraps counts as its cause, which its `source` leaves out.
fn next<'a>(err: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match err.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(held) => Some(held),
        None => err.source(),
    }
}
