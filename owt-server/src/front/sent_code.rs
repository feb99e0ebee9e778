//! Code that clients have sent of late, by its base64: most of them send the same again and again, and
//! need not have it decoded and hashed anew.

use std::cell::RefCell;
use std::num::NonZeroUsize;

use clru::{CLruCache, CLruCacheConfig, WeightScale};
use foldhash::fast::RandomState;
use owt_core::{Code, Error};

/// How many bytes each thread remembers; what was sent least recently is evicted first.
const LIMIT: NonZeroUsize = NonZeroUsize::new(1 << 20).unwrap();

/// The longest base64 that is remembered.
const MAX_LEN: usize = 64 * 1024;

/// The code that one thread of the front remembers. Base64 is compared whole.
pub(super) struct SentCode(RefCell<CLruCache<Box<str>, Code, RandomState, Bytes>>);

/// Weighs base64 and the source, which has at most three quarters of its length, and what is around them.
struct Bytes;

impl WeightScale<Box<str>, Code> for Bytes {
    fn weight(&self, text: &Box<str>, _code: &Code) -> usize {
        2 * text.len() + size_of::<(Box<str>, Code)>()
    }
}

impl Default for SentCode {
    fn default() -> Self {
        let config = CLruCacheConfig::new(LIMIT).with_hasher(RandomState::default());
        Self(RefCell::new(CLruCache::with_config(config.with_scale(Bytes))))
    }
}

impl SentCode {
    /// [`Code::from_base64`], without its work where that is known. What is no code is not remembered.
    pub(super) fn read(&self, text: &str) -> Result<Code, Error> {
        let known = &mut *self.0.borrow_mut();
        if let Some(code) = known.get(text) {
            return Ok(code.clone());
        }
        let code = Code::from_base64(text)?;
        if text.len() <= MAX_LEN {
            let _ = known.put_with_weight(text.into(), code.clone());
        }
        Ok(code)
    }
}

#[cfg(test)]
mod tests {
    use owt_core::codec;

    use super::*;

    #[test]
    fn code_is_the_same_each_time_and_other_code_is_other_code() {
        let sent = SentCode::default();
        for _ in 0..3 {
            assert_eq!(sent.read("cnVu").unwrap(), Code::source("run"));
            assert_eq!(sent.read("cnV1").unwrap(), Code::source("ruu"));
            assert_eq!(sent.read("cnVu=!").unwrap_err().code(), "code-not-base64");
        }
        assert_eq!(sent.0.borrow().len(), 2);
    }

    #[test]
    fn no_more_is_remembered_than_has_room() {
        let sent = SentCode::default();
        let text = |number: usize| {
            codec::encode_standard(format!("{number:08}{}", "x".repeat(40_000)).as_bytes())
        };
        (0..100).for_each(|number| assert!(sent.read(&text(number)).is_ok()));
        assert!(sent.read(&"A".repeat(MAX_LEN + 4)).is_ok(), "too long, but code");
        let mut known = sent.0.borrow_mut();
        assert!((2..=9).contains(&known.len()), "{}", known.len());
        assert!(known.get(text(99).as_str()).is_some() && known.get(text(0).as_str()).is_none());
    }
}
