//! Where a request of HTTP/1 ends: the same however its bytes are cut, and never beyond them.

#![no_main]

use libfuzzer_sys::fuzz_target;

// Not through its crate, which would bring all of actix-web and build a worker.
#[allow(dead_code, unreachable_pub)]
#[path = "../../owt-server/src/front/connection/framing.rs"]
mod framing;

fuzz_target!(|input: (u8, &[u8])| {
    let (cut, bytes) = input;
    let end = |cut: usize| {
        let mut framing = framing::read_head(&mut bytes.to_vec())?.framing;
        let mut at = 0;
        while at < bytes.len() && !framing.is_over() {
            let taken = framing.take(&bytes[at..bytes.len().min(at + cut)]);
            assert!(taken > 0);
            at += taken;
        }
        assert!(at <= bytes.len());
        Some((at, framing.is_over()))
    };
    assert_eq!(end(1 + usize::from(cut)), end(usize::MAX / 2));
});
