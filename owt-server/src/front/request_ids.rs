//! The ids of requests: made here, or chosen by clients, each for one call at a time, because whoever
//! knows the id can cancel the call.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use owt_core::Error;
use parking_lot::Mutex;

/// How long a chosen id may be, in bytes.
const MAX_LEN: usize = 64;

#[derive(Debug)]
pub(crate) struct RequestIds {
    /// The first half of each id that is made here, in hexadecimal.
    run: String,
    /// The second half of the next one.
    next: AtomicU32,
    /// Those that clients have chosen.
    reserved: Mutex<HashSet<String>>,
}

/// The right to an id that a client has chosen, until this is dropped.
#[derive(Debug)]
pub(super) struct Reservation {
    id: String,
    ids: Arc<RequestIds>,
}

impl RequestIds {
    /// Ids that differ from those of other runs of a server.
    pub(crate) fn new() -> Arc<Self> {
        let run = format!("{:08x}", fastrand::u32(..));
        Arc::new(Self { run, next: AtomicU32::new(1), reserved: Mutex::default() })
    }

    pub(super) fn make(&self) -> String {
        let next = self.next.fetch_add(1, Ordering::Relaxed);
        let mut digits = [0; 8];
        hex::encode_to_slice(next.to_be_bytes(), &mut digits).expect("a byte has two digits");
        let digits = str::from_utf8(&digits).expect("digits are ASCII");
        [self.run.as_str(), digits].concat()
    }

    /// Reserves an id that a client has chosen.
    ///
    /// # Errors
    /// [`Error::RequestIdInvalid`] if it cannot stand in URLs and in logs as it is, and
    /// [`Error::RequestIdTaken`] if another call has it, or it looks like one that is made here.
    pub(super) fn reserve(self: &Arc<Self>, id: &str) -> Result<Reservation, Error> {
        if !is_id(id) {
            return Err(Error::RequestIdInvalid);
        }
        if self.is_own(id) || !self.reserved.lock().insert(id.to_owned()) {
            return Err(Error::RequestIdTaken);
        }
        Ok(Reservation { id: id.to_owned(), ids: self.clone() })
    }

    /// Whether an id looks like one that a server has made before this one was started.
    pub(super) fn is_of_another_run(&self, id: &str) -> bool {
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        id.len() == 2 * self.run.len() && id.bytes().all(is_hex) && !self.is_own(id)
    }

    fn is_own(&self, id: &str) -> bool {
        id.len() == 2 * self.run.len() && id.starts_with(&self.run)
    }
}

impl Reservation {
    pub(super) fn id(&self) -> &str {
        &self.id
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.ids.reserved.lock().remove(&self.id);
    }
}

/// Whether a text is short, and of the unreserved characters of RFC 3986.
fn is_id(text: &str) -> bool {
    let is_unreserved =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    // URLs with a segment of dots alone lead elsewhere (RFC 3986, section 5.2.4).
    let is_dots = matches!(text, "." | "..");
    (1..=MAX_LEN).contains(&text.len()) && text.bytes().all(is_unreserved) && !is_dots
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[test]
    fn an_id_is_one_calls_until_that_has_ended() {
        let ids = RequestIds::new();
        let one = ids.reserve("one").unwrap();
        assert_eq!(ids.reserve("one").unwrap_err().code(), "request-id-taken");
        assert!(ids.reserve("two").is_ok());
        drop(one);
        assert_eq!(ids.reserve("one").unwrap().id(), "one");
    }

    #[test]
    fn nobody_can_choose_an_id_that_is_made_here() {
        let ids = RequestIds::new();
        let made = ids.make();
        assert_ne!(ids.make(), made);
        assert_eq!(ids.reserve(&made).unwrap_err().code(), "request-id-taken");
        assert!(!ids.is_of_another_run(&made) && !ids.is_of_another_run("mine"));
        assert!(ids.is_of_another_run(&format!(
            "{:016x}",
            u64::from_str_radix(&made, 16).unwrap() ^ (1 << 40)
        )));
    }

    #[rstest]
    #[case("a", true)]
    #[case("0f8fad5b-d9cb-469f-a165-70867728950e", true)]
    #[case("A.b_c~d", true)]
    #[case(&"x".repeat(64), true)]
    #[case(&"x".repeat(65), false)]
    #[case("", false)]
    #[case(".", false)]
    #[case("..", false)]
    #[case("...", true)]
    #[case("a b", false)]
    #[case("a/b", false)]
    #[case("a\u{1b}[1m", false)]
    #[case("\u{e9}", false)]
    fn an_id_is_short_and_needs_no_escapes(#[case] text: &str, #[case] expected: bool) {
        assert_eq!(is_id(text), expected);
    }
}
