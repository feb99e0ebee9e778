//! The envelope of a query or an urlencoded form: one that is read is the same after it is written and
//! read again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use owt_core::Envelope;

fuzz_target!(|body: &[u8]| {
    let read = match Envelope::from_form(body) {
        Ok(Some(envelope)) => envelope,
        Ok(None) => return,
        Err(err) => return drop(err.sentence()),
    };
    let known = Envelope { near_misses: Vec::new(), ..read };
    let again = Envelope::from_query(&known.to_query());
    assert!(again.is_ok_and(|again| again.as_ref() == Some(&known)));
});
