//! The digests of adaptors as Python's strings, which are kept: most calls are of a few adaptors, and to write a
//! digest out and hash it takes longer than to find the adaptor by it.

use foldhash::HashMap;
use parking_lot::Mutex;
use pyo3::prelude::*;
use pyo3::types::PyString;

/// How many are kept; a server has fewer adaptors loaded, but clients may ask for any.
const MAX_KEPT: usize = 1024;

#[derive(Default)]
pub(crate) struct Digests(Mutex<HashMap<[u8; 32], Py<PyString>>>);

impl Digests {
    /// A digest in hexadecimal.
    pub(super) fn get<'py>(&self, py: Python<'py>, digest: &[u8; 32]) -> Bound<'py, PyString> {
        // No Python runs while this is locked: strings are made and dropped without it.
        let mut kept = self.0.lock();
        if let Some(known) = kept.get(digest) {
            return known.bind(py).clone();
        }
        if kept.len() >= MAX_KEPT {
            kept.clear();
        }
        let text = PyString::new(py, &owt_core::Digest(*digest).to_string());
        kept.insert(*digest, text.clone().unbind());
        text
    }
}
