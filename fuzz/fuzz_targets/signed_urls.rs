//! Signed URLs: one that is signed is valid, and a change of one byte leaves the call as it is or makes
//! it invalid.

#![no_main]

use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use libfuzzer_sys::fuzz_target;
use owt_core::{Envelope, UrlKeys, signature};

static KEYS: LazyLock<UrlKeys> =
    LazyLock::new(|| "C7dD5y3UDiqY5Rpi1MbNUqbBgzD0PMHQ4Ax0tH2YZmQ".parse().expect("it is a key"));

fuzz_target!(|input: (&str, &str, usize, u8)| {
    let (path, query, at, byte) = input;
    let now = SystemTime::now();
    let is_valid = |path: &str, query: &str| signature::verify(&KEYS, path, query, now).is_ok();
    assert!(!is_valid(path, query), "nobody has signed it");

    let Ok(Some(envelope)) = Envelope::from_query(query) else { return };
    let expires = now + Duration::from_secs(60);
    let Ok(url) = envelope.to_signed_url("http://owt", KEYS.newest(), expires) else { return };
    let signed = url.split_once('?').expect("the call is in its query").1;
    assert!(is_valid("/", signed));
    assert!(!is_valid("/other", signed));

    let mut changed = signed.as_bytes().to_vec();
    let at = at % changed.len();
    changed[at] = byte;
    let Ok(changed) = str::from_utf8(&changed) else { return };
    if is_valid("/", changed) {
        assert_eq!(call(changed), call(signed));
    }
});

/// The call of a query, without what no worker sees of it.
fn call(query: &str) -> Option<Envelope> {
    let envelope = Envelope::from_query(query).ok()??;
    let kwargs = envelope.kwargs.as_deref().map(|text| text.trim_start_matches('\u{feff}'));
    let kwargs = kwargs.filter(|text| !text.trim().is_empty()).map(str::to_owned);
    Some(Envelope { kwargs, near_misses: Vec::new(), ..envelope })
}
