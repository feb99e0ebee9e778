//! The notation of arguments on a command line, with its Python literals: what is read is JSON where
//! it says so, and reading it again changes nothing.

#![no_main]

use std::io;

use libfuzzer_sys::fuzz_target;
use owt_core::kwargs::from_args;

fuzz_target!(|args: Vec<&str>| {
    let no_files = |_: &str| Err(io::ErrorKind::NotFound.into());
    let Ok(Some(text)) = from_args(&args, no_files) else { return };
    if serde_json::from_str::<serde_json::Value>(&text).is_ok() {
        let again = from_args(&[&text], no_files).ok().flatten();
        assert_eq!(again.as_ref(), Some(&text));
    }
});
