//! Lenient base64: what is decoded is the same after a strict encoding of either alphabet.

#![no_main]

use libfuzzer_sys::fuzz_target;
use owt_core::codec::{decode, encode_standard, encode_url};

fuzz_target!(|text: &str| {
    let Ok(bytes) = decode(text) else { return };
    assert_eq!(decode(&encode_standard(&bytes)).as_ref(), Ok(&bytes));
    assert_eq!(decode(&encode_url(&bytes)).as_ref(), Ok(&bytes));
});
