//! The envelope of a JSON body: one that is read is the same after it is written and read again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use owt_core::Envelope;

fuzz_target!(|body: &[u8]| {
    let read = match Envelope::from_json(body) {
        Ok(Some(envelope)) => envelope,
        Ok(None) => return,
        Err(err) => return drop(err.sentence()),
    };
    let known = Envelope { near_misses: Vec::new(), ..read };
    let written = known.to_json();
    assert!(
        Envelope::from_json(written.as_bytes()).is_ok_and(|again| again.as_ref() == Some(&known))
    );
});
