//! The metadata block of an adaptor (PEP 723): what stands before it changes nothing, and code without the
//! words that begin one has none.

#![no_main]

use libfuzzer_sys::fuzz_target;

// Not through their crate, which would bring all of actix-web and build a worker.
#[allow(dead_code, unreachable_pub)]
#[path = "../../owt-server/src/environment/block.rs"]
mod block;
#[allow(dead_code, unreachable_pub)]
#[path = "../../owt-server/src/environment/requirement.rs"]
mod requirement;
#[allow(dead_code, unreachable_pub)]
#[path = "../../owt-server/src/environment/script.rs"]
mod script;

use script::Script;

fuzz_target!(|source: &str| {
    let read = Script::of(source);
    if !source.contains("# /// script") {
        assert!(matches!(read, Ok(None)));
    }
    let behind = Script::of(&format!("import os\n{source}"));
    assert_eq!(read.ok(), behind.ok());
});
